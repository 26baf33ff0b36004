using System.Text.RegularExpressions;
using Lapidary.Formats.Files;
using YamlDotNet.Core;

namespace Lapidary.Cli.Recipes;

/// <summary>What is wrong with a text that is no YAML of keys and values, in words of settings. A parser says where it gave up, in words of
/// its grammar; the mistake is mostly a space, a quote or a tab in that line or beside it.</summary>
internal static partial class YamlFault
{
    private const string InQuotes = "put the value in single quotes", Pair = "write \"key: value\"";

    /// <summary>"line 2, column 15: found …; write …".</summary>
    /// <param name="text">The file.</param>
    /// <param name="at">Where the parser gave up; null if it does not say.</param>
    public static string Describe(string text, Mark? at)
    {
        string[] lines = [.. text.Split('\n').Select(line => line.TrimEnd('\r'))];
        int line = (int)(at?.Line ?? 1) - 1;
        int[] order = at is null ? [.. Enumerable.Range(0, lines.Length)] : [line, line + 1, line - 1];
        foreach (int index in order)
        {
            if (index >= 0 && index < lines.Length && Find(lines, index) is var (column, words))
                return $"line {index + 1}, column {column + 1}: {words}";
        }

        return $"line {line + 1}, column {at?.Column ?? 1}: found what is no \"key: value\"; "
            + "check the quotes, brackets and indentation here";
    }

    private static (int Column, string Words)? Find(string[] lines, int index)
    {
        string line = lines[index], body = line.TrimStart(' ', '\t');
        if (body.Length == 0 || body[0] is '#' or ']' or '}') return null;
        int start = line.Length - body.Length;
        if (line.IndexOf('\t', 0, start) is >= 0 and var tab) return (tab, "found a tab before the text; indent with spaces");
        if (body[0] is '{' or '[') return InValue(body, lines, index) is var (at, open) ? (start + at, open) : null;
        if (body[0] is not ('"' or '\''))
        {
            if (NoSpace().Match(body) is { Success: true } glued)
            {
                var (key, value) = (glued.Groups["key"], glued.Groups["value"].Value);
                return (start + key.Index + key.Length + 1, $"found no space after the colon of \"{FileErrors.OneLine(glued.Value)}\"; "
                    + $"write \"{key.Value}: {FileErrors.OneLine(value)}\"");
            }

            if (!body.Contains(':', StringComparison.Ordinal) && !body.StartsWith('-'))
                return (start, $"found \"{FileErrors.OneLine(body)}\" without a colon; {Pair}");
        }

        int colon = body.IndexOf(": ", StringComparison.Ordinal);
        int item = colon >= 0 ? colon + 2 : body.StartsWith("- ", StringComparison.Ordinal) ? 2 : 0;
        string given = body[item..].TrimStart(' ');
        int column = line.Length - given.Length;
        return InValue(given, lines, index) is var (offset, words) ? (column + offset, words) : Indented(lines, index, start);
    }

    private static (int Offset, string Words)? InValue(string value, string[] lines, int index)
    {
        if (value.Length == 0) return null;
        char first = value[0];
        if (first is '"' or '\'') return InQuoted(value, first);
        if (first is '@' or '`' or '%') return (0, $"found a value that begins with {first}; {InQuotes}");
        if (first is '[' or '{')
        {
            char close = first == '[' ? ']' : '}';
            return Balance(value, first, close) + lines[(index + 1)..].Sum(line => Balance(line, first, close)) > 0
                ? (0, $"found {first} that is not closed; close it with {close}") : null;
        }

        int second = value.IndexOf(": ", StringComparison.Ordinal);
        return second < 0 ? null : (second, $"found a second colon with a space in the line; {InQuotes}");
    }

    private static (int Offset, string Words)? InQuoted(string value, char quote)
    {
        for (int i = 1; i < value.Length; i++)
        {
            if (quote == '"' && value[i] == '\\')
            {
                if (i + 1 < value.Length && !"0abt\tnvfre \"/\\N_LPxuU".Contains(value[i + 1], StringComparison.Ordinal))
                    return (i, "found a backslash in double quotes, where it begins an escape; " + InQuotes);
                i++;
            }
            else if (value[i] == quote)
            {
                string after = value[(i + 1)..].TrimStart(' ');
                if (quote == '\'' && after.StartsWith(quote) && value[i + 1] == quote) i++;
                else if (after.Length > 0 && after[0] is not ('#' or ',' or ':' or ']' or '}'))
                    return (i, $"found text after the closing {quote}; write {(quote == '"' ? "\\\"" : "''")} for a quote inside quotes");
                else return null;
            }
        }

        return (0, $"found {quote} that is not closed; close it at the end of the value");
    }

    private static int Balance(string line, char open, char close) => line.Count(c => c == open) - line.Count(c => c == close);

    private static (int Column, string Words)? Indented(string[] lines, int index, int start)
    {
        const string Advice = "keys of one level begin in one column";
        int above = index - 1;
        while (above >= 0 && lines[above].AsSpan().TrimStart(' ') is "" or ['#', ..]) above--;
        if (above < 0) return null;
        int column = lines[above].Length - lines[above].TrimStart(' ').Length;
        if (start > column && !lines[above].TrimEnd().EndsWith(':'))
            return (start, $"found a line that begins further right than the one above; {Advice}");
        return start < column && !lines[..above].Any(line => line.Length - line.TrimStart(' ').Length == start)
            ? (start, $"found a line that begins further left than the one above; {Advice}") : null;
    }

    // A path of Windows (C:\data) and an address (https://) are no keys.
    [GeneratedRegex(@"^(?:-\ +)?(?<key>[A-Za-z_][A-Za-z0-9_-]+):(?<value>[^\s:/\\].*)$", RegexOptions.CultureInvariant)]
    private static partial Regex NoSpace();
}
