using System.Globalization;
using System.Text;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>Whether the texts of a column are dates as 31.12.2024, day first. SQLite's functions do not read these, and as texts they sort
/// by the day. With slashes the month may come first, so such dates stay.</summary>
internal struct PointDates
{
    private const string Form = "d.M.yyyy", Iso = "yyyy-MM-dd";

    private const int LongestText = 10;

    private bool _hasOther, _hasDate;

    /// <summary>Whether no value so far is something else.</summary>
    public readonly bool MayBecome => !_hasOther;

    /// <summary>Whether all values are.</summary>
    public readonly bool Are => _hasDate && !_hasOther;

    /// <summary>Looks at a value.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        if (_hasOther) return;
        if (TryRead(text, out _)) _hasDate = true;
        else _hasOther = true;
    }

    /// <summary>Reads a date as SQLite writes it: 2024-12-31.</summary>
    public static bool TryRead(ReadOnlySpan<byte> text, out string iso)
    {
        iso = "";
        Span<char> characters = stackalloc char[LongestText];
        if (text.Length > LongestText || !Ascii.IsValid(text)) return false;
        Encoding.ASCII.GetChars(text, characters);
        characters = characters[..text.Length];
        if (!DateOnly.TryParseExact(characters, Form, CultureInfo.InvariantCulture, DateTimeStyles.None, out var date)) return false;
        iso = date.ToString(Iso, CultureInfo.InvariantCulture);
        return true;
    }
}
