using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.TextToSql.Data;

namespace Lapidary.TextToSql;

/// <summary>One row of a text-to-SQL data set, with the columns of the guide's.</summary>
/// <param name="SqlPrompt">sql_prompt: the question.</param>
/// <param name="SqlContext">sql_context: statements that create and fill the tables.</param>
/// <param name="Sql">sql: the query that answers it.</param>
public sealed record TextToSqlRow(string SqlPrompt, string SqlContext, string Sql)
{
    /// <summary>domain: what the tables are about; null where the data set does not say.</summary>
    public string? Domain { get; init; }

    /// <summary>complexity or sql_complexity: a name for the kind of query; null where the data set does not say.</summary>
    public string? Complexity { get; init; }
}

/// <summary>A small text-to-SQL data set made for this project: question patterns over ten small tables. Every query runs on its
/// context.</summary>
public static class TextToSqlData
{
    /// <summary>Number of possible rows.</summary>
    public static int Count => AllRows.Value.Length;

    private static readonly Lazy<TextToSqlRow[]> AllRows = new(() => [.. SqlTables.All.SelectMany(table =>
        Questions(table).Select(pair => new TextToSqlRow(pair.Question, table.Script, pair.Sql + ";")))]);

    /// <summary>Rows in an order that depends only on the seed.</summary>
    public static IReadOnlyList<TextToSqlRow> Rows(long seed = 42)
    {
        var rows = (TextToSqlRow[])AllRows.Value.Clone();
        new StableRandom((ulong)seed).Shuffle(rows.AsSpan());
        return rows;
    }

    /// <summary>Writes rows as JSON Lines.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rows">The rows.</param>
    /// <exception cref="LapidaryException">The disk is full or the folder may not be written.</exception>
    public static void Write(string path, IEnumerable<TextToSqlRow> rows)
    {
        var buffer = new ArrayBufferWriter<byte>();
        foreach (var row in rows)
        {
            using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            {
                json.WriteStartObject();
                if (row.Domain is not null) json.WriteString("domain", row.Domain);
                if (row.Complexity is not null) json.WriteString("sql_complexity", row.Complexity);
                json.WriteString("sql_prompt", row.SqlPrompt);
                json.WriteString("sql_context", row.SqlContext);
                json.WriteString("sql", row.Sql);
                json.WriteEndObject();
            }

            buffer.Write("\n"u8);
        }

        AtomicFile.WriteAllBytes(path, buffer.WrittenSpan);
    }

    private static IEnumerable<(string Question, string Sql)> Questions(SqlTable table)
    {
        var (t, label) = (table.Name, table.Label);
        yield return ($"How many {t} are there?", $"SELECT COUNT(*) FROM {t}");
        yield return ($"Show everything about all {t}.", $"SELECT * FROM {t}");
        foreach (var column in table.Columns)
        {
            yield return ($"List the {column.Words} of all {t}.", $"SELECT {column.Name} FROM {t}");
            if (column == label) continue;
            yield return ($"Show the {label.Words} and {column.Words} of all {t}.", $"SELECT {label.Name}, {column.Name} FROM {t}");
        }

        foreach (var question in table.Categories.SelectMany(category => OfCategory(table, category))) yield return question;
        foreach (var question in table.Numbers.SelectMany(number => OfNumber(table, number))) yield return question;
    }

    private static IEnumerable<(string Question, string Sql)> OfCategory(SqlTable table, SqlColumn category)
    {
        var (t, label, c) = (table.Name, table.Label, category.Name);
        yield return ($"What are the different {category.Words} of {t}?", $"SELECT DISTINCT {c} FROM {t}");
        yield return ($"How many {t} are there for each {category.Words}?", $"SELECT {c}, COUNT(*) FROM {t} GROUP BY {c}");
        foreach (var number in table.Numbers)
        {
            yield return (
                $"Find the average {number.Words} of {t} for each {category.Words}.",
                $"SELECT {c}, AVG({number.Name}) FROM {t} GROUP BY {c}");
        }

        foreach (object value in table.Values(category))
        {
            string literal = SqlTable.Literal(value);
            yield return (
                $"List the {label.Words} of {t} whose {category.Words} is {value}.", $"SELECT {label.Name} FROM {t} WHERE {c} = {literal}");
            yield return ($"How many {t} have the {category.Words} {value}?", $"SELECT COUNT(*) FROM {t} WHERE {c} = {literal}");
        }
    }

    private static IEnumerable<(string Question, string Sql)> OfNumber(SqlTable table, SqlColumn number)
    {
        var (t, label, n) = (table.Name, table.Label, number.Name);
        foreach (var (word, function) in ((string, string)[])[("average", "AVG"), ("highest", "MAX"), ("lowest", "MIN"), ("total", "SUM")])
            yield return ($"What is the {word} {number.Words} of all {t}?", $"SELECT {function}({n}) FROM {t}");
        foreach (var (word, order) in ((string, string)[])[("highest", "DESC"), ("lowest", "ASC")])
        {
            yield return (
                $"What is the {label.Words} of the {t} with the {word} {number.Words}?",
                $"SELECT {label.Name} FROM {t} ORDER BY {n} {order} LIMIT 1");
        }

        yield return ($"List the {label.Words} of all {t} by {number.Words}.", $"SELECT {label.Name} FROM {t} ORDER BY {n}");
        foreach (object value in table.Values(number))
        {
            yield return ($"Which {t} have a {number.Words} greater than {value}?", $"SELECT {label.Name} FROM {t} WHERE {n} > {value}");
            yield return ($"How many {t} have a {number.Words} less than {value}?", $"SELECT COUNT(*) FROM {t} WHERE {n} < {value}");
        }
    }
}
