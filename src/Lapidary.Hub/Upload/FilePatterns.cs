using System.Text;
using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Hub.Upload;

/// <summary>Chooses files by patterns as Python's fnmatch has them: "*" and "?" cross "/", [...] is one of some characters, case
/// counts.</summary>
internal static class FilePatterns
{
    /// <summary>The items that some pattern includes and none excludes.</summary>
    /// <exception cref="LapidaryException">A pattern to include matches nothing, or nothing is left.</exception>
    public static IReadOnlyList<T> Choose<T>(
        IReadOnlyList<T> items, Func<T, string> path, IReadOnlyList<string> include, IReadOnlyList<string> exclude, string place)
    {
        Regex[] included = [.. include.Select(ToRegex)], excluded = [.. exclude.Select(ToRegex)];
        for (int i = 0; i < included.Length; i++)
        {
            if (!items.Any(item => included[i].IsMatch(path(item))))
                throw new LapidaryException($"{place}: no file matches include \"{include[i]}\"; check the pattern.");
        }

        T[] chosen =
        [
            .. items.Where(item => (included.Length == 0 || included.Any(pattern => pattern.IsMatch(path(item))))
                && !excluded.Any(pattern => pattern.IsMatch(path(item)))),
        ];
        return chosen.Length > 0 ? chosen : throw new LapidaryException($"{place}: exclude leaves no file; check the patterns.");
    }

    private static Regex ToRegex(string pattern)
    {
        string text = pattern.Replace('\\', '/');
        if (text.EndsWith('/')) text += "*";
        var regex = new StringBuilder(@"\A");
        for (int i = 0; i < text.Length; i++)
        {
            int first = i + (i + 1 < text.Length && text[i + 1] == '!' ? 2 : 1); // what stands first in a set is no end of it
            int end = text[i] == '[' && first < text.Length ? text.IndexOf(']', first + 1) : -1;
            if (end > 0)
            {
                string set = text[(i + 1)..end].Replace("[", @"\[", StringComparison.Ordinal);
                regex.Append('[').Append(set[0] switch { '!' => "^" + set[1..], '^' => @"\" + set, _ => set }).Append(']');
                i = end;
            }
            else
            {
                regex.Append(text[i] switch { '*' => ".*", '?' => ".", var c => Regex.Escape(c.ToString()) });
            }
        }

        const RegexOptions Options = RegexOptions.Singleline | RegexOptions.CultureInvariant | RegexOptions.NonBacktracking;
        return new Regex(regex.Append(@"\z").ToString(), Options);
    }
}
