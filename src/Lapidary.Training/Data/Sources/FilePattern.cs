using System.Text;
using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Training.Data.Sources;

/// <summary>A pattern of data_files: "*" and "?" do not cross "/", "**" as a whole part of the path crosses any number of folders, "[…]"
/// stands for one character.</summary>
/// <remarks>Hidden files and folders, and folders that begin with "__", match only if the pattern has as many parts that begin this way.
/// Matching takes time proportional to the length of a name, for any pattern.</remarks>
internal sealed class FilePattern
{
    private const int MaxLength = 1024;

    private readonly Regex? _regex;
    private readonly int _hidden, _special;

    /// <summary>Parses a pattern.</summary>
    /// <param name="text">Relative, with "/".</param>
    /// <param name="place">The name in errors.</param>
    /// <exception cref="LapidaryException">It is empty, leads out of the data set or is not a pattern.</exception>
    public FilePattern(string text, string place)
    {
        Text = text.StartsWith("./", StringComparison.Ordinal) ? text[2..] : text;
        string[] parts = Text.Split('/');
        if (Text.Length is 0 or > MaxLength || Text.Contains('\\') || Text.Contains(':') || Text.StartsWith('/')
            || Text.Any(char.IsControl) || parts.Any(part => part is ".." or "." or ""))
        {
            throw new LapidaryException($"{place}: expected patterns of files of this data set in data_files, found \"{text}\".");
        }

        if (parts.Any(part => part != "**" && part.Contains("**", StringComparison.Ordinal)))
            throw new LapidaryException($"{place}: expected \"**\" alone between two \"/\" in data_files, found \"{text}\".");
        (_hidden, _special) = Count(Text);
        if (HasMagic) _regex = new Regex(Translate(parts), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }

    /// <summary>The pattern.</summary>
    public string Text { get; }

    /// <summary>Whether it can match more than one name.</summary>
    public bool HasMagic => Text.AsSpan().ContainsAny('*', '?', '[');

    /// <summary>Whether it matches a file.</summary>
    /// <param name="file">Relative, with "/".</param>
    public bool Matches(string file) => _regex is null ? file == Text : _regex.IsMatch(file) && Count(file) == (_hidden, _special);

    /// <summary>The pattern relative to a folder.</summary>
    public static string Join(string? folder, string pattern) =>
        folder is null ? pattern
        : folder.TrimEnd('/') + "/" + (pattern.StartsWith("./", StringComparison.Ordinal) ? pattern[2..] : pattern);

    /// <summary>Number of parts that begin with a dot, and of folders that begin with "__".</summary>
    private static (int Hidden, int Special) Count(string path)
    {
        int hidden = 0, special = 0;
        string[] parts = path.Split('/');
        for (int i = 0; i < parts.Length; i++)
        {
            if (parts[i].StartsWith('.')) hidden++;
            if (i < parts.Length - 1 && parts[i].StartsWith("__", StringComparison.Ordinal)) special++;
        }

        return (hidden, special);
    }

    private static string Translate(string[] parts)
    {
        var regex = new StringBuilder(@"\A");
        for (int i = 0; i < parts.Length; i++)
        {
            bool isLast = i == parts.Length - 1;
            if (parts[i] == "**")
            {
                regex.Append(isLast ? ".+" : "(?:.+/)?");
                continue;
            }

            Translate(parts[i], regex);
            if (!isLast) regex.Append('/');
        }

        return regex.Append(@"\z").ToString();
    }

    private static void Translate(string part, StringBuilder regex)
    {
        for (int i = 0; i < part.Length; i++)
        {
            // The first character of a set may be its own end.
            int close = part[i] == '[' && i + 2 < part.Length ? part.IndexOf(']', i + (part[i + 1] == '!' ? 3 : 2)) : -1;
            if (close > 0)
            {
                bool isNot = part[i + 1] == '!';
                string set = part[(i + (isNot ? 2 : 1))..close];
                regex.Append(isNot ? "[^/" : "[").Append(Set(set)).Append(']');
                i = close;
            }
            else if (part[i] == '*')
            {
                regex.Append("[^/]*");
            }
            else
            {
                regex.Append(part[i] == '?' ? "[^/]" : Regex.Escape(part[i].ToString()));
            }
        }
    }

    /// <summary>The inside of a set; only "-" between two characters has a special meaning.</summary>
    private static string Set(string set)
    {
        var inside = new StringBuilder();
        for (int i = 0; i < set.Length; i++)
        {
            bool isRange = i + 2 < set.Length && set[i + 1] == '-';
            if (isRange && set[i] > set[i + 2])
            {
                i += 2; // an empty range, which stands for nothing
                continue;
            }

            inside.Append(Escaped(set[i]));
            if (!isRange) continue;
            inside.Append('-').Append(Escaped(set[i + 2]));
            i += 2;
        }

        return inside.Length == 0 ? @"^\s\S" : inside.ToString();

        static string Escaped(char c) => c is '\\' or ']' or '[' or '^' or '-' ? $"\\{c}" : c.ToString();
    }
}
