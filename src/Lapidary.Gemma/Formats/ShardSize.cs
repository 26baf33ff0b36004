using System.Globalization;
using Lapidary.Engine;

namespace Lapidary.Gemma;

/// <summary>The largest size of a checkpoint's files, as --max-shard-size takes it.</summary>
public static class ShardSize
{
    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12),
    ];

    /// <summary>Bytes of "2GB", "500MB" (powers of ten, as in huggingface_hub), "2GiB" (powers of two), or a plain number of
    /// bytes.</summary>
    /// <exception cref="LapidaryException">The text is no size above zero.</exception>
    public static long Parse(string text)
    {
        string number = text.Trim();
        double factor = 1;
        foreach (var (unit, bytes) in Units)
        {
            if (!number.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) continue;
            (number, factor) = (number[..^unit.Length].TrimEnd(), bytes);
            break;
        }

        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value)
            && value * factor is >= 1 and < 1e18
            ? (long)(value * factor)
            : throw new LapidaryException($"max-shard-size: expected a size such as 2GB, 500MB or 2GiB, found \"{FileErrors.OneLine(text)}\"; correct the option.");
    }
}
