using System.Buffers;
using System.Buffers.Text;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>What the texts of a column are: integers, numbers or texts. A number is one only where nothing of its text is lost, so "007",
/// "+49" and an integer of 20 digits make a column of texts. Empty texts are NULL.</summary>
internal struct TextValues
{
    /// <summary>Above this, a double does not hold every integer.</summary>
    private const long MaxExact = 1L << 53;

    private static readonly SearchValues<byte> OfNumbers = SearchValues.Create("0123456789.eE+-"u8);

    private bool _hasText, _hasReal, _hasInteger, _hasLarge;

    /// <summary>SQLite's type of the column.</summary>
    public readonly string Type => _hasText || (_hasReal && _hasLarge) ? "TEXT" : _hasReal ? "REAL" : _hasInteger ? "INTEGER" : "TEXT";

    /// <summary>Looks at a value.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        if (_hasText || text.IsEmpty) return;
        if (TryInteger(text, out long integer))
        {
            _hasInteger = true;
            _hasLarge |= integer is > MaxExact or < -MaxExact;
        }
        else if (TryReal(text, out _))
        {
            _hasReal = true;
        }
        else
        {
            _hasText = true;
        }
    }

    /// <summary>Reads an integer without leading zeros or sign +.</summary>
    public static bool TryInteger(ReadOnlySpan<byte> text, out long value)
    {
        value = 0;
        var digits = text.StartsWith("-"u8) ? text[1..] : text;
        return digits.Length is > 0 and <= 19 && char.IsAsciiDigit((char)digits[0]) && IsUnpadded(digits, digits.Length)
            && !text.SequenceEqual("-0"u8) && Utf8Parser.TryParse(text, out value, out int used) && used == text.Length;
    }

    /// <summary>Reads a number with a decimal point or an exponent, or an integer that a double holds.</summary>
    public static bool TryReal(ReadOnlySpan<byte> text, out double value)
    {
        if (TryInteger(text, out long integer))
        {
            value = integer;
            return integer is <= MaxExact and >= -MaxExact;
        }

        value = 0;
        var digits = text.StartsWith("-"u8) ? text[1..] : text;
        int point = digits.IndexOfAny((byte)'.', (byte)'e', (byte)'E');
        return point >= 0 && digits.ContainsAnyInRange((byte)'0', (byte)'9') && IsUnpadded(digits, point)
            && digits.IndexOfAnyExcept(OfNumbers) < 0 && (point == 0 || char.IsAsciiDigit((char)digits[0]))
            && Utf8Parser.TryParse(text, out value, out int used) && used == text.Length && double.IsFinite(value);
    }

    private static bool IsUnpadded(ReadOnlySpan<byte> digits, int count) => count <= 1 || digits[0] != (byte)'0';
}
