using System.Globalization;

namespace Lapidary.Formats;

/// <summary>Byte counts in readable form.</summary>
public static class ByteSize
{
    /// <summary>The format that <see cref="TryParse"/> reads, for messages.</summary>
    public const string Expected = "a size such as 2GB, 500MB or 2GiB";

    private static readonly string[] FormatUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

    private static readonly (string Unit, double Bytes)[] ParseUnits =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12),
    ];

    /// <summary>"512 B", "1.5 KiB", "26.0 GiB".</summary>
    public static string Format(long bytes)
    {
        double value = bytes;
        int unit = 0;
        for (; Math.Abs(value) >= 1024 && unit < FormatUnits.Length - 1; unit++) value /= 1024;
        return unit == 0 ? $"{bytes} B" : $"{value:F1} {FormatUnits[unit]}";
    }

    /// <summary>Reads "2GB", "500MB" (powers of ten, as in huggingface_hub), "2GiB" (powers of two), or a plain number of bytes. Returns
    /// false if the text is not a size above zero.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        string number = text.Trim();
        double factor = 1;
        foreach (var (unit, unitBytes) in ParseUnits)
        {
            if (!number.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) continue;
            (number, factor) = (number[..^unit.Length].TrimEnd(), unitBytes);
            break;
        }

        bool isSize = double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
            && value * factor is >= 1 and < 1e18;
        bytes = isSize ? (long)(value * factor) : 0;
        return isSize;
    }

    /// <summary>As <see cref="TryParse"/>, but throws.</summary>
    /// <exception cref="FormatException">The text is not a size above zero.</exception>
    public static long Parse(string text) =>
        TryParse(text, out long bytes) ? bytes : throw new FormatException($"Expected {Expected}, found \"{text}\".");
}
