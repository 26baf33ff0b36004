using System.Buffers;
using System.Buffers.Text;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>What the texts of a column are: integers, numbers or texts. A number is one only where nothing of its text is lost, so "007",
/// "+49" and an integer of 20 digits make a column of texts. Zeros at the end (1.9 beside 1.10) and digits beyond those of a double are
/// lost, since such a column is there to calculate with. Empty texts are NULL.</summary>
/// <param name="separator">What parts the fields. Where it is no comma, a comma may be in a number.</param>
internal struct TextValues(char separator)
{
    /// <summary>Above this, a double does not hold every integer.</summary>
    private const long MaxExact = 1L << 53;

    private static readonly SearchValues<byte> OfNumbers = SearchValues.Create("0123456789.eE+-"u8);

    /// <summary>All decimal numbers of so many digits differ as doubles, too.</summary>
    private const int ExactDigits = 15;

    private GroupedNumbers _commas = new((byte)',', (byte)'.'), _thousands = new((byte)'.', (byte)',');
    private PointDates _dates;
    private MarkedNumbers _marked;
    private bool _hasText, _hasReal, _hasInteger, _hasLarge, _isRounded;

    /// <summary>Digits after the point: one more than the fewest, as 0 is none, and the most of those that end in a zero.</summary>
    private int _fewestDecimals, _mostPadded;

    private readonly bool MayBecomeMore => _commas.MayBecome || _thousands.MayBecome || _dates.MayBecome || _marked.MayBecome;

    private readonly bool MayBeVersions => _fewestDecimals > 0 && _mostPadded > _fewestDecimals - 1;

    /// <summary>Whether its numbers have decimal commas.</summary>
    public readonly bool HasCommas => _hasText && separator != ',' && _commas.Are;

    /// <summary>Whether its numbers have commas between thousands.</summary>
    public readonly bool HasThousands => _hasText && _thousands.Are;

    /// <summary>Whether its numbers have decimal points, which part no thousands.</summary>
    public readonly bool HasPoints => Type == "REAL" && !_commas.MayBecome;

    /// <summary>Whether its texts are dates as 31.12.2024.</summary>
    public readonly bool HasDates => _hasText && _dates.Are;

    /// <summary>SQLite's type of the column.</summary>
    public readonly string Type => HasCommas || HasThousands ? "REAL"
        : _hasText || (_hasReal && _hasLarge) ? "TEXT"
        : _hasReal ? "REAL"
        : _hasInteger ? "INTEGER" : "TEXT";

    /// <summary>What a user may not expect of the column; null for nothing.</summary>
    /// <param name="name">Its name in SQL.</param>
    /// <param name="isBesideCommas">Whether another column of the file has decimal commas, so that a point may part thousands.</param>
    /// <param name="isBesidePoints">Whether another column has decimal points.</param>
    public readonly string? Note(string name, bool isBesideCommas, bool isBesidePoints) =>
        HasCommas ? $"the column {name} has decimal commas: 1.234,5 is read as 1234.5."
        : HasThousands ? $"the column {name} has commas between thousands: 1,234.5 is read as 1234.5."
        : HasDates ? $"the column {name} has dates: 31.12.2024 is read as 2024-12-31, as SQLite's functions need it."
        : _hasText && (_commas.MayBe || _thousands.MayBe)
            ? $"the column {name} has numbers with commas, as 1,234, so they stay texts, and SUM reads the 1 alone."
        : _hasText && _commas.AreGrouped
            ? $"the column {name} has numbers like 1.234.567, so they stay texts, and SUM reads the 1.234 alone; write 1234567."
        : _hasText && _marked.Example is { } marked
            ? $"the column {name} has numbers with a sign, as {marked}, so they stay texts, and SUM reads only what they begin with; write "
                + "the numbers alone."
        : _hasText || !_hasReal ? null
        : (isBesideCommas || (separator == ';' && !isBesidePoints)) && _commas.MayBecome && Type == "REAL"
            ? $"the column {name} has numbers like 1.234 "
                + $"{(isBesideCommas ? "beside a column with decimal commas" : "between semicolons")}; the point is read as a "
                + "decimal one, so if it parts thousands, write 1234."
        : MayBeVersions && Type == "REAL"
            ? $"the column {name} has numbers like 1.9 beside numbers like 1.10, which is read as 1.1; if they are versions, write v1.10."
        : _isRounded && Type == "REAL"
            ? $"the column {name} has numbers of more than {ExactDigits} digits; REAL keeps the first {ExactDigits}."
        : null;

    /// <summary>Looks at a value.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || (_hasText && !MayBecomeMore)) return;
        _dates.Add(text);
        if (TryInteger(text, out long integer))
        {
            _hasInteger = true;
            _hasLarge |= integer is > MaxExact or < -MaxExact;
            return;
        }

        _commas.Add(text); // also 1.234
        if (TryReal(text, out double real))
        {
            _hasReal = true;
            LookAtDigits(text, real);
            return;
        }

        _thousands.Add(text);
        _marked.Add(text);
        _hasText = true;
    }

    private void LookAtDigits(ReadOnlySpan<byte> text, double value)
    {
        int exponent = text.IndexOfAny((byte)'e', (byte)'E'), point = text.IndexOf((byte)'.');
        var digits = exponent < 0 ? text : text[..exponent];
        if (digits.Length > ExactDigits + 1) _isRounded |= Digits(digits) > ExactDigits && !IsShortest(text, value);
        if (point < 0 || exponent >= 0 || value == 0) return; // 0.00 is no version
        int decimals = digits.Length - point - 1;
        _fewestDecimals = _fewestDecimals == 0 ? decimals + 1 : Math.Min(_fewestDecimals, decimals + 1);
        if (decimals > 1 && digits[^1] == (byte)'0') _mostPadded = Math.Max(_mostPadded, decimals);
    }

    /// <summary>Significant digits of a number without its exponent.</summary>
    private static int Digits(ReadOnlySpan<byte> number)
    {
        int count = 0, zeros = 0;
        foreach (byte digit in number)
        {
            if (!char.IsAsciiDigit((char)digit)) continue;
            zeros = digit == (byte)'0' ? zeros + 1 : 0;
            if (count > 0 || digit != (byte)'0') count++;
        }

        return Math.Max(0, count - zeros);
    }

    /// <summary>Whether a number is written as the shortest that gives its double, as programs write doubles.</summary>
    private static bool IsShortest(ReadOnlySpan<byte> text, double value)
    {
        Span<byte> shortest = stackalloc byte[40];
        return Utf8Formatter.TryFormat(value, shortest, out int written) && Digits(text) <= Digits(shortest[..written]);
    }

    /// <summary>Reads a number of the column.</summary>
    public readonly bool TryNumber(ReadOnlySpan<byte> text, out double value) =>
        HasCommas ? _commas.TryRead(text, out value) : (HasThousands && _thousands.TryRead(text, out value)) || TryReal(text, out value);

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
