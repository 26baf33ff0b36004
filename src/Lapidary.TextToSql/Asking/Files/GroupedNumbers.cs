using System.Buffers.Text;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>Whether the texts of a column are numbers with commas, as 1.234,50 or 1,234.50. As texts they would sum up to something
/// else: SQLite reads a text up to its comma. A comma before three digits may be a decimal one or part thousands, so a number that tells
/// must be there.</summary>
/// <param name="point">What stands before decimals.</param>
/// <param name="group">What may stand between thousands.</param>
internal struct GroupedNumbers(byte point, byte group)
{
    private const int GroupDigits = 3, LongestText = 40;

    private bool _hasOther, _hasComma, _hasGroup, _isSure;

    /// <summary>Whether no value so far is something else.</summary>
    public readonly bool MayBecome => !_hasOther;

    /// <summary>Whether all values are such numbers or integers.</summary>
    public readonly bool Are => !_hasOther && _hasComma && _isSure;

    /// <summary>Whether they are numbers with commas, whatever those mean.</summary>
    public readonly bool MayBe => !_hasOther && _hasComma;

    /// <summary>Whether all values are such numbers or integers, and thousands are parted in one.</summary>
    public readonly bool AreGrouped => !_hasOther && _hasGroup;

    /// <summary>Looks at a value.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        if (_hasOther || text.IsEmpty) return;
        if (!TryRead(text, out _))
        {
            _hasOther = true;
            return;
        }

        _hasGroup |= text.Contains(group);
        int comma = text.IndexOf((byte)',');
        if (comma < 0) return;
        _hasComma = true;
        bool isAlone = text[(comma + 1)..].IndexOf((byte)',') < 0 && !text.Contains((byte)'.');
        _isSure |= !isAlone || text.Length - comma - 1 != GroupDigits || text.StartsWith("0"u8);
    }

    /// <summary>Reads a number with decimals, or none, and with signs between thousands, or none.</summary>
    public readonly bool TryRead(ReadOnlySpan<byte> text, out double value)
    {
        value = 0;
        if (text.Length > LongestText) return false;
        var number = text.StartsWith("-"u8) ? text[1..] : text;
        int end = number.IndexOf(point);
        var decimals = end < 0 ? [] : number[(end + 1)..];
        if (!IsWhole(end < 0 ? number : number[..end]) || (end >= 0 && decimals.IsEmpty) || !AreDigits(decimals)) return false;
        Span<byte> plain = stackalloc byte[LongestText];
        int length = 0;
        foreach (byte c in text)
            if (c != group) plain[length++] = c == point ? (byte)'.' : c;
        return Utf8Parser.TryParse(plain[..length], out value, out int used) && used == length;
    }

    /// <summary>"0", "1234" or "1.234", without zeros before it.</summary>
    private readonly bool IsWhole(ReadOnlySpan<byte> text)
    {
        int end = text.IndexOf(group);
        var first = end < 0 ? text : text[..end];
        bool isPadded = text.StartsWith("0"u8) && text.Length > 1;
        if (first.IsEmpty || !AreDigits(first) || isPadded || (end >= 0 && first.Length > GroupDigits)) return false;
        for (var rest = end < 0 ? [] : text[end..]; rest.Length > 0; rest = rest[(GroupDigits + 1)..])
            if (rest.Length <= GroupDigits || rest[0] != group || !AreDigits(rest[1..(GroupDigits + 1)])) return false;
        return true;
    }

    private static bool AreDigits(ReadOnlySpan<byte> text) => !text.ContainsAnyExceptInRange((byte)'0', (byte)'9');
}
