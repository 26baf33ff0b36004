using System.Globalization;
using System.Text;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>Whether the texts of a column are numbers with a sign beside them, as 50% or 1,50 €. They stay texts, and SQLite reads a
/// text as the number that it begins with.</summary>
internal struct MarkedNumbers
{
    private const int LongestText = 40;

    private static readonly string[] Codes = ["EUR", "USD", "GBP", "CHF", "JPY", "BRL"];

    private bool _hasOther;
    private string? _first;

    /// <summary>Whether no value so far is something else.</summary>
    public readonly bool MayBecome => !_hasOther;

    /// <summary>The first of them, where all values are such numbers or plain ones; null otherwise.</summary>
    public readonly string? Example => _hasOther ? null : _first;

    /// <summary>Looks at a value.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        if (_hasOther || text.IsEmpty) return;
        if (text.Length > LongestText || !IsNumber(Encoding.UTF8.GetString(text), out bool isMarked)) _hasOther = true;
        else if (isMarked) _first ??= Encoding.UTF8.GetString(text);
    }

    /// <summary>Digits with commas, points, apostrophes or blanks between them, and at most one sign before or after them.</summary>
    private static bool IsNumber(string text, out bool isMarked)
    {
        string bare = text.TrimStart('-');
        int start = MarkLength(bare, isAtEnd: false), end = start > 0 ? 0 : MarkLength(bare, isAtEnd: true);
        isMarked = start + end > 0;
        string number = bare[start..^end].Trim().TrimStart('-');
        return number.Length > 0 && char.IsAsciiDigit(number[0]) && char.IsAsciiDigit(number[^1])
            && number.All(c => char.IsAsciiDigit(c) || c is '.' or ',' or '\'' or '’' || char.IsWhiteSpace(c));
    }

    private static int MarkLength(string text, bool isAtEnd)
    {
        if (text.Length == 0) return 0;
        char mark = isAtEnd ? text[^1] : text[0];
        if (mark is '%' or '‰' || char.GetUnicodeCategory(mark) == UnicodeCategory.CurrencySymbol) return 1;
        var comparison = StringComparison.Ordinal;
        string? code = Array.Find(Codes, code => isAtEnd ? text.EndsWith(code, comparison) : text.StartsWith(code, comparison));
        return code?.Length ?? 0;
    }
}
