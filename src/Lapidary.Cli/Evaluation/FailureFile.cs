using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Evaluation;

/// <summary>The answers that are not right, as JSON Lines: the row, the SQL of both, both results, and why.</summary>
internal static class FailureFile
{
    /// <summary>Of the first row, as <see cref="WriteRow"/> writes it.</summary>
    private const string Beginning = "{\"row\":";

    private static readonly JsonWriterOptions Layout = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Makes the file's folder and tries to write there, so that an error comes before the work. Of the files that exist, only
    /// one of an earlier evaluation may be replaced.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="LapidaryException">The folder cannot be made, or the file is another one.</exception>
    public static void Check(string path)
    {
        AtomicFile.RequireOrdinary(path);
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder) Directory.CreateDirectory(folder);
            if (File.Exists(path) && !IsOurs(path))
                throw new LapidaryException($"{path}: is there already, and is no file of failures; choose another name, or remove it.");
            using var trial = AtomicFile.Create(path); // not kept
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(path, e);
        }
    }

    /// <summary>Writes the file; an existing one is replaced.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="scores">Their scores.</param>
    /// <param name="answers">The answers as the model wrote them.</param>
    /// <exception cref="LapidaryException">It cannot be written.</exception>
    public static void Write(string path, EvalRows rows, IReadOnlyList<SqlScore> scores, IReadOnlyList<string?> answers) =>
        AtomicFile.WriteStream(path, stream =>
        {
            for (int i = 0; i < scores.Count; i++)
            {
                if (!scores[i].IsScored || scores[i].IsRight) continue;
                using (var json = new Utf8JsonWriter(stream, Layout)) WriteRow(json, rows, i, scores[i], answers[i]);
                stream.WriteByte((byte)'\n');
            }
        });

    /// <summary>Whether a file begins like those written here, or is empty.</summary>
    private static bool IsOurs(string path)
    {
        using var reader = new StreamReader(InputFile.OpenRead(path));
        char[] start = new char[Beginning.Length];
        int count = reader.ReadBlock(start);
        return count == 0 || start.AsSpan(0, count).SequenceEqual(Beginning);
    }

    private static void WriteRow(Utf8JsonWriter json, EvalRows rows, int index, SqlScore score, string? answer)
    {
        var row = rows.Rows[index];
        json.WriteStartObject();
        json.WriteNumber("row", (rows.Drawn is { } drawn ? drawn[index] : index) + 1);
        json.WriteString("origin", rows.Origin(index));
        json.WriteString("verdict", SettingText.Snake($"{score.Verdict}"));
        json.WriteString("why", score.Why);
        if (score.Complexity is not null) json.WriteString("complexity", score.Complexity);
        json.WriteString("sql_prompt", row.SqlPrompt);
        json.WriteString("sql_context", row.SqlContext);
        json.WriteString("sql", row.Sql);
        json.WriteString("answer", score.Answer);
        json.WriteString("output", answer);
        WriteResult(json, "expected", score.Expected);
        WriteResult(json, "found", score.Found);
        json.WriteBoolean("on_random_databases", score.OnRandomDatabases);
        json.WriteBoolean("right_by_test_suite", score.IsRightByTestSuite);
        json.WriteBoolean("right_by_bird", score.IsRightByBird);
        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, string name, SqlResult? result)
    {
        if (result is null)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        json.WriteStartArray("columns");
        foreach (string column in result.Columns) json.WriteStringValue(column);
        json.WriteEndArray();
        json.WriteNumber("row_count", result.RowCount);
        json.WriteStartArray("rows");
        foreach (var cells in result.Rows)
        {
            json.WriteStartArray();
            foreach (object? cell in cells) WriteCell(json, cell);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteCell(Utf8JsonWriter json, object? cell)
    {
        switch (cell)
        {
            case null: json.WriteNullValue(); break;
            case long whole: json.WriteNumberValue(whole); break;
            case double number when double.IsFinite(number): json.WriteNumberValue(number); break;
            case double number: json.WriteStringValue(SettingText.Format(number)); break;
            case byte[] bytes: json.WriteStringValue($"x'{Convert.ToHexStringLower(bytes)}'"); break;
            default: json.WriteStringValue(cell.ToString()); break;
        }
    }
}
