using System.Text;
using System.Text.RegularExpressions;

namespace Lapidary.Hub.Paths;

/// <summary>Patterns for files in the syntax of Python's fnmatch: "*" and "?" also match "/", [...] and [!...] match one character of a
/// set; case-sensitive. A pattern that ends in "/" matches everything below.</summary>
internal sealed class FilePatterns
{
    private readonly (string Text, Regex Regex)[] _patterns;

    /// <summary>Parses patterns.</summary>
    public FilePatterns(IReadOnlyList<string> patterns) =>
        _patterns = [.. patterns.Select(pattern => (pattern, new Regex(Translate(pattern), RegexOptions.NonBacktracking)))];

    /// <summary>Whether there are no patterns.</summary>
    public bool IsEmpty => _patterns.Length == 0;

    /// <summary>Whether a path matches any pattern.</summary>
    public bool Match(string path) => Array.Exists(_patterns, pattern => pattern.Regex.IsMatch(path));

    /// <summary>The first pattern that matches none of these paths, or null.</summary>
    public string? FirstWithout(IReadOnlyCollection<string> paths) =>
        _patterns.FirstOrDefault(pattern => !paths.Any(path => pattern.Regex.IsMatch(path))).Text;

    private static string Translate(string pattern)
    {
        pattern = pattern.Replace('\\', '/');
        if (pattern.EndsWith('/')) pattern += "*";
        var regex = new StringBuilder(@"\A(?s:");
        for (int i = 0; i < pattern.Length; i++)
        {
            int end = pattern[i] == '[' ? EndOfSet(pattern, i) : -1;
            if (end > 0)
            {
                regex.Append(Set(pattern[(i + 1)..end]));
                i = end;
                continue;
            }

            regex.Append(pattern[i] switch { '*' => ".*", '?' => ".", var c => Regex.Escape(c.ToString()) });
        }

        return regex.Append(@")\z").ToString();
    }

    /// <summary>The end of a set; a "]" in first place is one of its characters. 0 or negative if the set is not closed.</summary>
    private static int EndOfSet(string pattern, int start)
    {
        int first = start + 1;
        if (first < pattern.Length && pattern[first] == '!') first++;
        return first < pattern.Length ? pattern.IndexOf(']', Math.Min(first + 1, pattern.Length)) : -1;
    }

    private static string Set(string text)
    {
        bool isNot = text[0] == '!';
        var set = new StringBuilder(isNot ? "[^" : "[");
        for (int i = isNot ? 1 : 0; i < text.Length; i++)
        {
            if (i + 2 < text.Length && text[i + 1] == '-')
            {
                // A reversed range is empty.
                if (text[i] <= text[i + 2]) set.Append(Escaped(text[i])).Append('-').Append(Escaped(text[i + 2]));
                i += 2;
            }
            else
            {
                set.Append(Escaped(text[i]));
            }
        }

        return set.Length > (isNot ? 2 : 1) ? set.Append(']').ToString() : isNot ? "." : @"[^\0-\uffff]";
    }

    private static string Escaped(char c) => $@"\u{(int)c:x4}";
}
