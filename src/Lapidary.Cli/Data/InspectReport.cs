using System.Globalization;
using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Formats;

namespace Lapidary.Cli.Data;

/// <summary>What data inspect shows.</summary>
/// <param name="names">Names of the data sets.</param>
/// <param name="reading">How the rows were read.</param>
/// <param name="found">What was found in them.</param>
/// <param name="evaluation">The rows to evaluate on; null for none.</param>
/// <param name="maxLength">Tokens of the longest row that is not cut; null if tokens are not counted, or none is cut.</param>
internal sealed class InspectReport(
    IReadOnlyList<string> names, RowReading reading, Inspection found, (string Name, Inspection Found)? evaluation, int? maxLength)
{
    /// <summary>Writes lines for people.</summary>
    /// <param name="run">Has the options that messages name.</param>
    /// <param name="text">Receives the lines.</param>
    public void Write(CommandRun run, TextWriter text)
    {
        text.WriteLine($"data       {string.Join(", ", names)}: {Amount.Of(found.Rows, "row")}");
        if (reading.GuessedTemplate is { } template) text.WriteLine($"           read with --template {template}, which its columns fit");
        if (reading.Unknown is { } unknown) text.WriteLine($"note       prompts are not compared: {run.Line(unknown)}");
        int nameWidth = found.Columns.Max(column => column.Name.Length), typeWidth = found.Columns.Max(column => column.Types.Length);
        string label = "columns";
        foreach (var column in found.Columns)
        {
            text.WriteLine($"{label,-11}{column.Line(found.Rows, nameWidth, typeWidth)}");
            label = "";
        }

        if (found.Characters.Count > 0) text.WriteLine($"characters {found.Characters}");
        if (found.Tokens.Count > 0) text.WriteLine($"tokens     {found.Tokens}");
        var lengths = found.Tokens.Count > 0 ? found.Tokens : found.Characters;
        foreach (string bar in lengths.Count > 0 ? lengths.Histogram() : []) text.WriteLine($"           {bar}");
        if (found.Tokens.Count > 0) text.WriteLine($"cut        {CutLine()}");
        if (found.Invalid is { Count: > 0 } invalid)
            text.WriteLine($"invalid    {Amount.Of(invalid.Count, "row")}; the first: {run.Line(invalid.First!)}");
        text.WriteLine($"duplicates {Repeated(found.Duplicates, "repeats an earlier one", "repeat an earlier one")}");
        if (found.Characters.Count > 0)
        {
            text.WriteLine("conflicts  " + Repeated(
                found.Conflicts, "has the prompt of an earlier row and another answer", "have the prompt of an earlier row and another "
                    + "answer"));
        }

        WriteSql(text, found);
        if (evaluation is var (name, evaluated)) WriteLeaks(text, name, evaluated);
    }

    /// <summary>Writes the members of a JSON object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteNumber("rows", found.Rows);
        if (reading.GuessedTemplate is { } template) json.WriteString("template", template);
        WriteFound(json, found);
        if (maxLength is { } length)
        {
            json.WriteNumber("max_length", length);
            json.WriteNumber("truncated_rows", found.Cut.Rows);
            json.WriteNumber("truncated_tokens", found.Cut.Tokens);
        }

        if (evaluation is not var (name, evaluated)) return;
        json.WriteStartObject("evaluation");
        json.WriteString("name", name);
        json.WriteNumber("rows", evaluated.Rows);
        json.WriteNumber("same_prompt", evaluated.Leaks.Same);
        json.WriteNumber("same_prompt_share", Share(evaluated.Leaks.Same, evaluated.Rows));
        json.WriteNumber("similar_prompt", evaluated.Leaks.Loose);
        json.WriteNumber("similar_prompt_share", Share(evaluated.Leaks.Loose, evaluated.Rows));
        json.WriteNumber("first_row", evaluated.Leaks.First);
        WriteFound(json, evaluated);
        json.WriteEndObject();
    }

    private static void WriteFound(Utf8JsonWriter json, Inspection found)
    {
        json.WriteStartArray("columns");
        foreach (var column in found.Columns) column.Write(json, found.Rows);
        json.WriteEndArray();
        if (found.Characters.Count > 0) found.Characters.Write(json, "characters");
        if (found.Tokens.Count > 0) found.Tokens.Write(json, "tokens");
        json.WriteNumber("invalid_rows", found.Invalid.Count);
        json.WriteNumber("duplicate_rows", found.Duplicates.Count);
        json.WriteNumber("first_duplicate_row", found.Duplicates.First);
        json.WriteNumber("conflicting_rows", found.Conflicts.Count);
        json.WriteNumber("first_conflicting_row", found.Conflicts.First);
        if (found.Sql.Rows == 0) return;
        json.WriteStartObject("sql");
        json.WriteNumber("rows", found.Sql.Rows);
        json.WriteNumber("failed_contexts", found.Sql.Contexts);
        json.WriteNumber("failed_queries", found.Sql.Queries);
        json.WriteNumber("empty_results", found.Sql.Empty);
        json.WriteStartArray("failures");
        foreach (var (place, part, error) in found.SqlFailures)
        {
            json.WriteStartObject();
            json.WriteString("place", place);
            json.WriteString("column", part);
            json.WriteString("error", error);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteLeaks(TextWriter text, string name, Inspection evaluated)
    {
        text.WriteLine($"evaluation {name}: {Amount.Of(evaluated.Rows, "row")}");
        var (same, loose, first) = evaluated.Leaks;
        text.WriteLine("leaks      " + (loose == 0
            ? "none of their prompts is in the training rows"
            : $"{Amount.Of(same, "row")} ({Percent(same, evaluated.Rows)}) with a prompt of the training rows, {loose} "
                + $"({Percent(loose, evaluated.Rows)}) if case, blanks and punctuation do not count; the first is row {first}"));
        text.WriteLine($"duplicates {Repeated(evaluated.Duplicates, "repeats an earlier one", "repeat an earlier one")}");
        WriteSql(text, evaluated);
    }

    private static void WriteSql(TextWriter text, Inspection found)
    {
        var (rows, contexts, queries, empty) = found.Sql;
        if (rows == 0) return;
        text.WriteLine($"sql        of {Amount.Of(rows, "row")}, {Percent(rows - contexts, rows)} of the contexts and "
            + $"{Percent(rows - contexts - queries, rows)} of the queries run; {empty} have an empty result");
        foreach (var (place, part, error) in found.SqlFailures) text.WriteLine($"           {place}: {part}: {PlainText.OneLine(error)}");
        long hidden = contexts + queries - found.SqlFailures.Count;
        if (hidden > 0) text.WriteLine($"           {Amount.Of(hidden, "failure")} more");
    }

    private string CutLine() => maxLength is not { } length ? "none: there is no --max-length"
        : found.Cut.Rows == 0 ? $"none of the rows is longer than --max-length {length}"
        : $"{Amount.Of(found.Cut.Rows, "row")} ({Percent(found.Cut.Rows, found.Rows)}) longer than --max-length {length}, which loses "
            + $"{Amount.Of(found.Cut.Tokens, "token")}; the first is row {found.Cut.First}";

    private static string Repeated((long Count, long First, long Original) rows, string one, string many) => rows.Count == 0
        ? "none"
        : $"{rows.Count} {(rows.Count == 1 ? $"row {one}" : $"rows {many}")}; the first is row {rows.First}, like row {rows.Original}";

    private static double Share(long part, long all) => all == 0 ? 0 : (double)part / all;

    private static string Percent(long part, long all) => Share(part, all).ToString("P1", CultureInfo.InvariantCulture);
}
