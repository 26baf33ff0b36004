using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Asking;

/// <summary>What the user sees of a question: the SQL on standard error, on a screen while it is written, and the rows on standard
/// output.</summary>
/// <param name="run">The command.</param>
/// <param name="format">How rows are shown; null for what suits the output.</param>
internal sealed class AskScreen(CommandRun run, RowFormat? format)
{
    private const string Sql = "sql        ", Runs = "runs       ", Rows = "rows       ";

    private readonly StringBuilder _written = new();
    private int _results;

    /// <summary>Whether the SQL appears while it is written.</summary>
    private bool IsLive => run.Terminal.ErrorIsScreen && !run.IsJson;

    /// <summary>Shows what happens; for <see cref="QuestionAsker.AskAsync"/>.</summary>
    public void OnUpdate(AskUpdate update)
    {
        if (run.IsJson) return;
        var error = run.Terminal.Error;
        switch (update)
        {
            case AskUpdate.Begins when IsLive:
                _written.Clear();
                error.Write(Sql);
                error.Flush();
                break;
            case AskUpdate.Writes { Text: var text } when IsLive:
                _written.Append(text);
                error.Write(PlainText.WithoutControls(text));
                error.Flush();
                break;
            case AskUpdate.Runs { Sql: var sql } when IsLive:
                error.WriteLine();
                if (_written.ToString().Trim() != sql) error.WriteLine(Runs + PlainText.OneLine(sql));
                break;
            case AskUpdate.Runs { Sql: var sql }:
                error.WriteLine(Sql + PlainText.OneLine(sql));
                break;
            case AskUpdate.Fails { IsLast: false, Error: var why }:
                run.Note($"the query fails: {why}; the model tries again.");
                break;
        }
    }

    /// <summary>Ends the line of a query that was stopped while it was written.</summary>
    public void Stopped()
    {
        if (IsLive) run.Terminal.Error.WriteLine();
    }

    /// <summary>Shows an answer's rows, and what to know of it.</summary>
    public void Show(AskAnswer answer)
    {
        foreach (string note in answer.Notes) run.Note(note);
        if (run.IsJson) Print(answer.Question, answer.Sql, answer.Result, answer.Error, answer);
        else if (answer.Result is { } result) Show(result, answer.Elapsed, answer.Attempts.Count);
    }

    /// <summary>Shows the rows of a query that the user wrote.</summary>
    public void Show(string sql, SqlResult result, TimeSpan elapsed)
    {
        if (run.IsJson) Print(question: null, sql, result, error: null, answer: null);
        else Show(result, elapsed, attempts: 1);
    }

    /// <summary>Prints the object of something that failed before there was an answer.</summary>
    /// <param name="run">The command, with --json.</param>
    /// <param name="error">The failure.</param>
    /// <param name="question">The question, if it is known.</param>
    /// <param name="sql">The query, if it is the user's.</param>
    public static void PrintError(CommandRun run, LapidaryException error, string? question = null, string? sql = null) =>
        JsonResult.Write(run.Terminal.Out, json =>
        {
            if (question is not null) json.WriteString("question", question);
            if (sql is not null) json.WriteString("sql", sql);
            RowText.WriteLists(json, result: null);
            json.WriteBoolean("cut", false);
            json.WriteString("error", run.Line(error));
        });

    private void Show(SqlResult result, TimeSpan elapsed, int attempts)
    {
        var screen = run.Terminal.ScreenOf(json: false);
        var shape = format ?? (screen is null ? RowFormat.Csv : RowFormat.Table);
        var output = run.Terminal.Out;
        if (_results++ > 0 && shape != RowFormat.Json) output.Write("\n"); // between several
        switch (shape)
        {
            case RowFormat.Table:
                output.Write(RowTable.Of(result, screen?.Width) + "\n");
                break;
            case RowFormat.Csv:
                string csv = RowText.Csv(result);
                output.Write(screen is null ? csv : PlainText.WithoutControls(csv));
                break;
            default:
                using (var buffer = new MemoryStream())
                {
                    using (var json = new System.Text.Json.Utf8JsonWriter(buffer, JsonResult.Options)) RowText.WriteObjects(json, result);
                    output.Write(Encoding.UTF8.GetString(buffer.ToArray()) + "\n");
                }

                break;
        }

        output.Flush();
        if (result.IsCut)
            run.Note($"only the first {(result.RowCount == 1 ? "row is" : $"{result.RowCount:N0} rows are")} here; --max-rows takes more.");
        if (!run.Terminal.ErrorIsScreen) return;
        string more = result.IsCut ? " and more" : "", queries = attempts == 1 ? "" : $", {attempts} queries";
        run.Terminal.Error.WriteLine($"{Rows}{result.RowCount:N0}{more} in {elapsed.TotalSeconds:F2} s{queries}");
    }

    private void Print(string? question, string sql, SqlResult? result, string? error, AskAnswer? answer) =>
        JsonResult.Write(run.Terminal.Out, json =>
        {
            if (question is not null) json.WriteString("question", question);
            json.WriteString("sql", sql);
            RowText.WriteLists(json, result);
            json.WriteBoolean("cut", result?.IsCut ?? false);
            if (error is not null) json.WriteString("error", error);
            if (answer is null) return;
            json.WriteStartArray("attempts");
            foreach (var attempt in answer.Attempts)
            {
                json.WriteStartObject();
                json.WriteString("sql", attempt.Sql);
                if (attempt.Error is { } why) json.WriteString("error", why);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("seconds", Math.Round(answer.Elapsed.TotalSeconds, 3));
        });
}
