using System.Globalization;

namespace Lapidary.Formats.Files;

/// <summary>Numbers as Python's repr and json.dumps print them, for files that must equal Python's byte by byte.</summary>
internal static class PythonFloat
{
    /// <summary>The shortest digits that read back as <paramref name="value"/>: "0.04", "1.0", "1e-05", "1e+16".</summary>
    /// <remarks>As CPython's repr: an exponent of at least two digits below 10⁻⁴ and from 10¹⁶ on, else a point with digits on both
    /// sides. .NET finds the same digits and places the exponent elsewhere.</remarks>
    public static string Repr(double value)
    {
        if (!double.IsFinite(value)) throw new ArgumentOutOfRangeException(nameof(value), value, "JSON has finite numbers only.");
        string sign = double.IsNegative(value) ? "-" : "";
        if (value == 0) return sign + "0.0";
        var (digits, exponent) = Shortest(Math.Abs(value));
        if (exponent is < -4 or >= 16)
        {
            string fraction = digits.Length > 1 ? "." + digits[1..] : "";
            return $"{sign}{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):D2}";
        }

        if (exponent < 0) return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        digits = digits.PadRight(exponent + 2, '0');
        return $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }

    /// <summary>value = d.ddd · 10^exponent, without zeros at the end.</summary>
    private static (string Digits, int Exponent) Shortest(double value)
    {
        string[] parts = value.ToString("R", CultureInfo.InvariantCulture).Split('E');
        int exponent = parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : 0;
        int point = parts[0].IndexOf('.', StringComparison.Ordinal);
        exponent += (point < 0 ? parts[0].Length : point) - 1;
        string digits = parts[0].Replace(".", "", StringComparison.Ordinal);
        string significant = digits.TrimStart('0');
        return (significant.TrimEnd('0'), exponent - (digits.Length - significant.Length));
    }
}
