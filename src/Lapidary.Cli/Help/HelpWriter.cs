namespace Lapidary.Cli.Help;

/// <summary>Writes help for a screen.</summary>
/// <param name="output">Where to.</param>
/// <param name="width">Columns of a line.</param>
internal sealed class HelpWriter(TextWriter output, int width)
{
    private const int Indent = 2, MaxColumn = 28;

    /// <summary>Columns if the width is unknown, as for a file or a pipe.</summary>
    public const int PlainWidth = 80;

    /// <summary>A command with this few options shows them all.</summary>
    private const int FewEntries = 20;

    // The column of descriptions.
    private int _column = Math.Min(MaxColumn, Math.Max(12, width * 35 / 100));

    /// <summary>Writes a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="isAll">Whether to describe all options completely.</param>
    public void Write(HelpPage page, bool isAll)
    {
        bool isWhole = isAll || page.Sections.Sum(section => section.Entries.Count) <= FewEntries;
        SetColumn(page);
        WriteLines(page.Summary);
        output.WriteLine();
        WriteHanging("Usage: ", page.Usage);
        foreach (var section in page.Sections)
        {
            output.WriteLine();
            output.WriteLine($"{section.Title}:");
            foreach (var entry in section.Entries)
            {
                if (isWhole || entry.IsMain) Write(entry, isWhole);
            }

            string[] others = isWhole ? [] : [.. section.Entries.Where(entry => !entry.IsMain).Select(entry => entry.Name)];
            if (others.Length > 0) WriteHanging("  also: ", string.Join(", ", others));
        }

        if (isAll && page.OtherNames.Count > 0)
        {
            output.WriteLine();
            WriteLines("Names of other tools, here and in a configuration file:");
            foreach (var (name, meaning) in page.OtherNames)
                Write(new HelpEntry(name, [], null, meaning, null, IsMain: true), isWhole: true);
        }

        if (page.Examples.Count > 0)
        {
            output.WriteLine();
            output.WriteLine("Examples:");
            foreach (string example in page.Examples)
                foreach (string line in WrappedText.CommandLines(example, width, Indent)) output.WriteLine(line);
        }

        string? more = page.More is { } general ? general
            : isWhole ? null
            : $"'{page.Command} --help-all' describes all {page.Sections.Sum(section => section.Entries.Count)} options.";
        if (more is null) return;
        output.WriteLine();
        WriteLines(more);
    }

    /// <summary>The first sentence or clause; all of a text whose first line introduces the others.</summary>
    internal static string FirstSentence(string text)
    {
        int depth = 0;
        for (int i = 0; i + 1 < text.Length; i++)
        {
            if (text[i] is '(') depth++;
            else if (text[i] is ')') depth--;
            else if (text[i] is '\n') return i > 0 && text[i - 1] is ':' ? text : text[..i];
            else if (depth == 0 && text[i + 1] == ' ' && text[i] is '.' or ';') return text[..i] + ".";
        }

        return text;
    }

    private void Write(HelpEntry entry, bool isWhole)
    {
        string text = isWhole ? entry.Text : FirstSentence(entry.Text);
        if (entry.Need is { } need) text += " " + need;
        if (entry.Default is { } value) text += $" [default: {value}]";
        string heading = new string(' ', Indent) + entry.Heading;
        bool isBeside = heading.Length + 2 <= _column;
        if (!isBeside) output.WriteLine(heading);
        bool isFirst = true;
        foreach (string line in WrappedText.Lines(text, Math.Max(10, width - _column)))
        {
            output.WriteLine((isFirst && isBeside ? heading.PadRight(_column) : new string(' ', _column)) + line);
            isFirst = false;
        }
    }

    /// <summary>Descriptions begin after the longest heading, if that is not too long.</summary>
    private void SetColumn(HelpPage page)
    {
        int longest = page.Sections.SelectMany(section => section.Entries).Max(entry => entry.Heading.Length) + (2 * Indent);
        _column = Math.Min(_column, longest);
    }

    private void WriteLines(string text)
    {
        foreach (string line in WrappedText.Lines(text, width)) output.WriteLine(line);
    }

    /// <summary>Writes a text after a word; its further lines are aligned with the start of the text.</summary>
    private void WriteHanging(string word, string text)
    {
        string margin = word;
        foreach (string line in WrappedText.Lines(text, width - word.Length))
        {
            output.WriteLine(margin + line);
            margin = new string(' ', word.Length);
        }
    }
}
