using System.Text;

namespace Lapidary.Jinja.Objects;

/// <summary>Strings as Python sees them: its whitespace, and lengths and indices in code points.</summary>
internal static class Text
{
    // One string per ASCII character: texts are taken apart into characters of which most are these.
    private static readonly string[] Ascii = [.. Enumerable.Range(0, 128).Select(code => ((char)code).ToString())];

    /// <summary>str.isspace of Python, which also counts the four information separators.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001C' and <= '\u001F';

    public static bool IsSpace(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!IsSpace(c)) return false;
        }

        return true;
    }

    public static string TrimEnd(string text)
    {
        int end = text.Length;
        while (end > 0 && IsSpace(text[end - 1])) end--;
        return text[..end];
    }

    public static int Count(ReadOnlySpan<char> text, char c) => text.Count(c);

    /// <summary>str.islower or str.isupper: a letter of the case and none of the other.</summary>
    public static bool IsCase(string text, Func<char, bool> isCase, Func<char, bool> isOther)
    {
        bool any = false;
        foreach (char c in text)
        {
            if (isOther(c)) return false;
            any |= isCase(c);
        }

        return any;
    }

    /// <summary>Number of code points.</summary>
    public static int Length(ReadOnlySpan<char> text)
    {
        int pairs = 0;
        for (int i = FirstSurrogate(text); i >= 0 && i + 1 < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i], text[i + 1])) pairs++;
        }

        return text.Length - pairs;
    }

    /// <summary>Where each code point begins, and the length; null where each is one code unit.</summary>
    public static int[]? Offsets(string text, Budget budget)
    {
        if (FirstSurrogate(text) < 0) return null;
        budget.MakeItems(text.Length / 8);
        int[] offsets = new int[Length(text) + 1];
        for (int i = 0, at = 0; i < text.Length; i++)
        {
            offsets[at++] = i;
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1])) i++;
        }

        offsets[^1] = text.Length;
        return offsets;
    }

    /// <summary>The code points of a string, each as a string.</summary>
    public static List<object?> Characters(string text)
    {
        var characters = new List<object?>(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            bool pair = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            characters.Add(text[i] < Ascii.Length ? Ascii[text[i]] : text.Substring(i, pair ? 2 : 1));
            if (pair) i++;
        }

        return characters;
    }

    /// <summary>str.title of Python: a letter after a non-letter is upper case, others are lower.</summary>
    public static string Title(string text)
    {
        var title = new StringBuilder(text.Length);
        bool inWord = false;
        foreach (char c in text)
        {
            title.Append(inWord ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inWord = char.IsLetter(c);
        }

        return title.ToString();
    }

    /// <summary>str.capitalize of Python.</summary>
    public static string Capitalize(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant();

    private static int FirstSurrogate(ReadOnlySpan<char> text) => text.IndexOfAnyInRange('\uD800', '\uDFFF');
}
