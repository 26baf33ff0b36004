using System.Globalization;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training;

/// <summary>Text with columns in braces, such as "Translate: {english}"; "{{" and "}}" stand for braces. The text between "{?notes}" and
/// "{/notes}" is left out if the row has no such column or the column is blank.</summary>
public sealed class PromptTemplate
{
    private enum PartKind
    {
        Text,
        Column,
        If,
        End,
    }

    private readonly List<(PartKind Kind, string Text)> _parts = [];

    /// <summary>Parses the template.</summary>
    /// <param name="text">The template.</param>
    /// <param name="name">Its name in errors, such as "template.json \"user\"".</param>
    /// <exception cref="LapidaryException">A brace is not closed, not opened, or names no column; or an optional part is not
    /// closed.</exception>
    public PromptTemplate(string text, string name = "template")
    {
        var part = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c is not ('{' or '}'))
            {
                part.Append(c);
            }
            else if (i + 1 < text.Length && text[i + 1] == c)
            {
                part.Append(c);
                i++;
            }
            else
            {
                int end = c == '{' ? text.IndexOf('}', i) : -1;
                string column = end < 0 ? "" : text[(i + 1)..end].Trim();
                if (column.Length == 0 || column.Contains('{'))
                {
                    throw new LapidaryException(
                        $"{name}: expected {{column}} at character {i + 1}, found a single '{c}'; write {c}{c} for the character itself.");
                }

                if (column.TrimStart('?', '/').Trim().Length == 0)
                {
                    throw new LapidaryException(
                        $"{name}: expected {{column}} at character {i + 1}, found {{{column}}}, which names no column.");
                }

                if (part.Length > 0) _parts.Add((PartKind.Text, part.ToString()));
                _parts.Add(column[0] switch
                {
                    '?' => (PartKind.If, column[1..].Trim()),
                    '/' => (PartKind.End, column[1..].Trim()),
                    _ => (PartKind.Column, column),
                });
                part.Clear();
                i = end;
            }
        }

        if (part.Length > 0) _parts.Add((PartKind.Text, part.ToString()));
        CheckPairs(name);
    }

    /// <summary>The template's text.</summary>
    public override string ToString() => string.Concat(_parts.Select(part => part.Kind switch
    {
        PartKind.Column => $"{{{part.Text}}}",
        PartKind.If => $"{{?{part.Text}}}",
        PartKind.End => $"{{/{part.Text}}}",
        _ => part.Text.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal),
    }));

    /// <summary>The columns it names, in order.</summary>
    public IEnumerable<string> Columns => _parts.Where(part => part.Kind is PartKind.Column or PartKind.If).Select(part => part.Text);

    /// <summary>The columns that each row must have.</summary>
    internal IEnumerable<string> RequiredColumns
    {
        get
        {
            int depth = 0;
            foreach (var (kind, text) in _parts)
            {
                if (kind == PartKind.If) depth++;
                else if (kind == PartKind.End) depth--;
                else if (kind == PartKind.Column && depth == 0) yield return text;
            }
        }
    }

    /// <summary>Fills in one row's columns.</summary>
    /// <param name="columns">Strings, numbers and booleans by name; numbers and booleans are written as in Python.</param>
    /// <exception cref="LapidaryException">A column is missing or is not a string, number or boolean; the message lists the
    /// columns.</exception>
    public string Format(IReadOnlyDictionary<string, object?> columns) => Format(new DataRecord(new("values", "row", 1), columns));

    internal string Format(DataRecord record)
    {
        var text = new StringBuilder();
        int leftOut = 0; // how many open parts stand in one that is left out, with that one
        foreach (var (kind, part) in _parts)
        {
            if (kind == PartKind.If) leftOut += leftOut > 0 || IsEmpty(record, part) ? 1 : 0;
            else if (kind == PartKind.End) leftOut = Math.Max(0, leftOut - 1);
            else if (leftOut == 0) text.Append(kind == PartKind.Text ? part : Value(record, part));
        }

        return text.ToString();
    }

    private static bool IsEmpty(DataRecord record, string column) =>
        record.Columns.GetValueOrDefault(column) is var value && (value is null || value is string text && string.IsNullOrWhiteSpace(text));

    private void CheckPairs(string name)
    {
        var open = new Stack<string>();
        foreach (var (kind, column) in _parts)
        {
            if (kind == PartKind.If) open.Push(column);
            bool isWrong = kind == PartKind.End && !(open.TryPop(out string? opened) && opened == column);
            if (isWrong) throw new LapidaryException($"{name}: expected {{?{column}}} before {{/{column}}}, found none that is open.");
        }

        if (open.TryPeek(out string? last))
            throw new LapidaryException($"{name}: expected {{/{last}}} behind {{?{last}}}, found none; close what is left out.");
    }

    /// <summary>Writes a value like Python's str.format, because the guide's templates use it.</summary>
    private static string PythonText(double number) => double.IsFinite(number) ? PythonFloat.Repr(number)
        : double.IsNaN(number) ? "nan"
        : number > 0 ? "inf" : "-inf";

    private static string Value(DataRecord record, string column) => record.Column(column) switch
    {
        string text => text,
        bool flag => flag ? "True" : "False",
        double number => PythonText(number),
        float number => PythonText(number),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        var other => throw record.Origin.Error($"expected a string in \"{column}\" for the template, found {DataRecord.Describe(other)}."),
    };
}
