using System.Buffers.Text;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>Whether the texts of a column are numbers with a decimal comma, as 1.234,50 or 0,5. As texts they would sum up to something
/// else: SQLite reads a text up to its comma. A comma before three digits may also part thousands, so one that cannot must be
/// there.</summary>
internal struct DecimalCommas
{
    private const int Group = 3, LongestText = 40;

    private bool _hasOther, _hasComma, _isSure;

    /// <summary>Whether all values are such numbers or integers.</summary>
    public readonly bool Are => !_hasOther && _hasComma && _isSure;

    /// <summary>Whether they are numbers with commas, whatever those mean: 1,234 may be an English one.</summary>
    public readonly bool MayBe => !_hasOther && _hasComma;

    /// <summary>Looks at a value.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        if (_hasOther || text.IsEmpty) return;
        if (!TryRead(text, out _))
        {
            _hasOther = true;
            return;
        }

        int comma = text.IndexOf((byte)',');
        _hasComma |= comma >= 0;
        _isSure |= comma >= 0 && (text.Length - comma - 1 != Group || text.Contains((byte)'.') || text.StartsWith("0"u8));
    }

    /// <summary>Reads a number with a decimal comma, or none, and with points between thousands, or none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out double value)
    {
        value = 0;
        if (text.Length > LongestText) return false;
        var number = text.StartsWith("-"u8) ? text[1..] : text;
        int comma = number.IndexOf((byte)',');
        var decimals = comma < 0 ? [] : number[(comma + 1)..];
        if (!IsWhole(comma < 0 ? number : number[..comma]) || (comma >= 0 && decimals.IsEmpty) || !AreDigits(decimals)) return false;
        Span<byte> plain = stackalloc byte[LongestText];
        int length = 0;
        foreach (byte c in text)
            if (c != (byte)'.') plain[length++] = c == (byte)',' ? (byte)'.' : c;
        return Utf8Parser.TryParse(plain[..length], out value, out int used) && used == length;
    }

    /// <summary>"0", "1234" or "1.234", without zeros before it.</summary>
    private static bool IsWhole(ReadOnlySpan<byte> text)
    {
        int point = text.IndexOf((byte)'.');
        var first = point < 0 ? text : text[..point];
        bool isPadded = text.StartsWith("0"u8) && text.Length > 1;
        if (first.IsEmpty || !AreDigits(first) || isPadded || (point >= 0 && first.Length > Group)) return false;
        for (var rest = point < 0 ? [] : text[point..]; rest.Length > 0; rest = rest[(Group + 1)..])
            if (rest.Length <= Group || rest[0] != (byte)'.' || !AreDigits(rest[1..(Group + 1)])) return false;
        return true;
    }

    private static bool AreDigits(ReadOnlySpan<byte> text) => !text.ContainsAnyExceptInRange((byte)'0', (byte)'9');
}
