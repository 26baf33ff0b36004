using System.Globalization;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training;

/// <summary>Text with columns in braces, such as "Translate: {english}"; "{{" and "}}" stand for braces.</summary>
public sealed class PromptTemplate
{
    /// <summary>Text and column names, alternately: text, column, text, column, …, text.</summary>
    private readonly List<string> _parts = [];

    /// <summary>Parses the template.</summary>
    /// <param name="text">The template.</param> <param name="name">What errors call it, such as "template.json \"user\"".</param>
    /// <exception cref="LapidaryException">A brace is not closed, not opened, or names no column.</exception>
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

                _parts.Add(part.ToString());
                _parts.Add(column);
                part.Clear();
                i = end;
            }
        }

        _parts.Add(part.ToString());
    }

    /// <summary>The template's text.</summary>
    public override string ToString() => string.Concat(_parts.Select((part, i) => i % 2 == 1
        ? $"{{{part}}}"
        : part.Replace("{", "{{", StringComparison.Ordinal).Replace("}", "}}", StringComparison.Ordinal)));

    /// <summary>The columns it names, in order.</summary>
    public IEnumerable<string> Columns => _parts.Where((_, i) => i % 2 == 1);

    /// <summary>Fills in one row's columns.</summary>
    /// <param name="columns">Strings, numbers and booleans by name; the latter two are written as Python writes them.</param>
    /// <exception cref="LapidaryException">A column is missing or is not a string, number or boolean; the message lists the
    /// columns.</exception>
    public string Format(IReadOnlyDictionary<string, object?> columns) => Format(new DataRecord(new("values", "row", 1), columns));

    internal string Format(DataRecord record)
    {
        var text = new StringBuilder();
        for (int i = 0; i < _parts.Count; i++)
            text.Append(i % 2 == 0 ? _parts[i] : Value(record, _parts[i]));
        return text.ToString();
    }

    /// <summary>As Python's str.format writes it, which the guide's templates are.</summary>
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
