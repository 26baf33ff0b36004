using System.Globalization;
using System.Text;
using Spectre.Console.Rendering;

namespace Lapidary.Cli.Screens;

/// <summary>Lays out a line of text in the rows of a screen. Words stay whole, and rows after the first are aligned with the text after the
/// line's label. A command line for copying is never cut into rows: the terminal wraps it, and copies it as one line.</summary>
internal static class LineLayout
{
    /// <summary>Columns of a label and the spaces after it: "data rows 12".</summary>
    public const int LabelWidth = 11;

    /// <summary>With fewer columns, the text beside a label would be a narrow strip.</summary>
    private const int NarrowWidth = 60, NarrowIndent = 3;

    private const string Command = "lapidary ", Prompt = "$ ";

    /// <summary>The rows of a line.</summary>
    /// <param name="line">Without line ends.</param>
    /// <param name="width">Columns of the screen.</param>
    public static IReadOnlyList<string> Rows(string line, int width)
    {
        int label = LabelOf(line);
        if (IsCommand(line[label..])) return [line];
        bool moves = width < NarrowWidth && label >= LabelWidth && line[0] == ' ';
        if (Width(line) <= width && !moves) return [line];
        var rows = new List<string>();
        int indent = IndentOf(label, width), command = CommandIn(line);
        string text = command < 0 ? line : line[..command].TrimEnd();
        Wrap(text, indent, width, rows);
        if (command >= 0) rows.Add(new string(' ', indent) + line[command..]);
        return rows;
    }

    /// <summary>Length of the label with the spaces after it: 11 if there is one, else the number of leading spaces.</summary>
    public static int LabelOf(string line)
    {
        bool hasLabel = line.Length > LabelWidth && line[LabelWidth - 1] == ' ' && line[LabelWidth] != ' '
            && (line.AsSpan(0, LabelWidth).IsWhiteSpace() || !line.AsSpan(0, LabelWidth).TrimEnd().Contains(' '));
        return hasLabel ? LabelWidth : line.Length - line.AsSpan().TrimStart(' ').Length;
    }

    /// <summary>Columns that a text takes.</summary>
    public static int Width(string text) => Ascii.IsValid(text) ? text.Length : new Segment(text).CellCount();

    /// <summary>The longest start of a text that fits.</summary>
    public static string Cut(string text, int width)
    {
        if (Width(text) <= width) return text;
        var cut = new StringBuilder();
        int used = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            used += Width(rune.ToString());
            if (used > width) break;
            cut.Append(rune);
        }

        return cut.ToString();
    }

    /// <summary>The longest end of a text that fits; characters are not split from their combining marks.</summary>
    public static string End(string text, int width)
    {
        int start = text.Length, used = 0;
        foreach (int element in StringInfo.ParseCombiningCharacters(text).Reverse())
        {
            used += Width(text[element..start]);
            if (used > width) break;
            start = element;
        }

        return text[start..];
    }

    private static int IndentOf(int label, int width) =>
        width < NarrowWidth ? NarrowIndent : label == LabelWidth ? LabelWidth : Math.Min(label + 2, LabelWidth);

    private static bool IsCommand(string text) =>
        text.StartsWith(Command, StringComparison.Ordinal) || text.StartsWith(Prompt + Command, StringComparison.Ordinal);

    /// <summary>The start of a command at the end of a sentence: "go on with: lapidary train …"; −1 if there is none.</summary>
    private static int CommandIn(string line)
    {
        int at = line.IndexOf(": " + Command, StringComparison.Ordinal);
        return at < 0 ? -1 : at + 2;
    }

    private static void Wrap(string text, int indent, int width, List<string> rows)
    {
        // Text under a label on a narrow screen begins at the left, like the continued rows.
        int blanks = text.Length - text.AsSpan().TrimStart(' ').Length;
        var row = new StringBuilder(new string(' ', blanks > indent ? indent : blanks));
        int used = row.Length;
        bool isStart = true;
        for (int at = blanks; at < text.Length;)
        {
            int word = at;
            while (word < text.Length && text[word] == ' ') word++;
            int end = word;
            while (end < text.Length && text[end] != ' ') end++;
            if (end == word) break;
            string letters = text[word..end];
            int needed = Width(letters), gap = word - at;
            if (!isStart && used + gap + needed > width)
            {
                rows.Add(row.ToString());
                row.Clear().Append(' ', indent);
                (used, gap) = (indent, 0);
            }

            row.Append(' ', gap).Append(letters);
            used += gap + needed;
            (at, isStart) = (end, false);
        }

        rows.Add(row.ToString());
    }
}
