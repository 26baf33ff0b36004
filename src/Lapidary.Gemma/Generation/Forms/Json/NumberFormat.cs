namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>The formats of numbers that are enforced: those of OpenAPI's schemas, and of Rust's, which have int and uint too.</summary>
internal static class NumberFormat
{
    /// <summary>Formats of whole numbers.</summary>
    public const string WholeNames = "int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64";

    /// <summary>Formats of all numbers.</summary>
    public const string Names = $"{WholeNames}, float, double, decimal";

    /// <summary>Whether a format is one of some names.</summary>
    public static bool IsIn(string names, string format) => names.Split(", ").Contains(format, StringComparer.Ordinal);

    /// <summary>The limits of a format of whole numbers; null for another format. Those of int and uint, which differ by machine, are
    /// the limits of numbers without a format.</summary>
    public static (decimal Min, decimal Max)? RangeOf(string? format) => format switch
    {
        "int" => (-DecimalShape.LargestWhole, DecimalShape.LargestWhole),
        "uint" => (0, DecimalShape.LargestWhole),
        "int8" => (sbyte.MinValue, sbyte.MaxValue),
        "uint8" => (byte.MinValue, byte.MaxValue),
        "int16" => (short.MinValue, short.MaxValue),
        "uint16" => (ushort.MinValue, ushort.MaxValue),
        "int32" => (int.MinValue, int.MaxValue),
        "uint32" => (uint.MinValue, uint.MaxValue),
        "int64" => (long.MinValue, long.MaxValue),
        "uint64" => (ulong.MinValue, ulong.MaxValue),
        _ => null,
    };

    /// <summary>Whether a number of the format is written without a power: a float and a .NET decimal hold less than two digits of a power
    /// say.</summary>
    public static bool IsPlain(string? format) => format is "float" or "decimal";
}
