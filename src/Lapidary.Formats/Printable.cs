using System.Globalization;
using System.Text;

namespace Lapidary.Formats;

/// <summary>Makes text from files, models and command lines safe to print: it cannot move the cursor, change the writing direction, start a
/// line or fill the screen.</summary>
internal static class Printable
{
    /// <summary>Longest value inside a message; a path of any system fits.</summary>
    public const int MaxValueLength = 1000;

    /// <summary>Longest message.</summary>
    public const int MaxMessageLength = 5 * MaxValueLength;

    private const string Gap = " … ";

    /// <summary>The text on one line. Line feeds become spaces. Invisible characters (control and format characters such as U+202E, other
    /// line ends) and halves of surrogate pairs become \u escapes.</summary>
    public static string Line(string text)
    {
        int first = 0;
        while (first < text.Length && !char.IsSurrogate(text[first]) && !IsHidden(text, first)) first++;
        return first == text.Length ? text : Escaped(text, new StringBuilder(text.Length + 16).Append(text, 0, first), first, false);
    }

    /// <summary>As <see cref="Line(string)"/>; of a long text only the beginning and the end.</summary>
    public static string Line(string text, int maxLength) => Line(Cut(text, maxLength));

    /// <summary>As <see cref="Line(string, int)"/>, but line feeds and tabs stay.</summary>
    public static string Lines(string text, int maxLength) => Escaped(Cut(text, maxLength), new StringBuilder(), 0, keepsLines: true);

    private static string Cut(string text, int maxLength)
    {
        if (text.Length <= maxLength) return text;
        int end = maxLength / 4;
        return string.Concat(text.AsSpan(0, maxLength - end - Gap.Length), Gap, text.AsSpan(text.Length - end));
    }

    private static string Escaped(string text, StringBuilder line, int first, bool keepsLines)
    {
        for (int i = first; i < text.Length; i++)
        {
            char c = text[i];
            if (char.IsSurrogatePair(text, i) && !IsHidden(text, i)) line.Append(c).Append(text[++i]);
            else if (keepsLines && c is '\n' or '\t') line.Append(c);
            else if (c == '\n' || (c == '\r' && i + 1 < text.Length && text[i + 1] == '\n')) line.Append(c == '\n' ? " " : "");
            else if (IsHidden(text, i)) line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else line.Append(c);
        }

        return line.ToString();
    }

    private static bool IsHidden(string text, int index) => CharUnicodeInfo.GetUnicodeCategory(text, index) is UnicodeCategory.Control
        or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate;
}
