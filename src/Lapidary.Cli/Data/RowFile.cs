using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Formats.Files;
using Lapidary.Training;
using Lapidary.Training.Data.Writing;

namespace Lapidary.Cli.Data;

/// <summary>Writes rows to a file: JSON Lines or Parquet, as its name says. The file appears when it is complete.</summary>
internal static class RowFile
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Whether a path names a file of rows, and not a folder: by its ending.</summary>
    public static bool IsNamed(string path) => FormatOf(path) is not null;

    /// <summary>Refuses a path that rows cannot be written to.</summary>
    /// <param name="run">The command.</param>
    /// <param name="option">The option, for the error.</param>
    /// <param name="path">The path.</param>
    /// <param name="overwrites">Whether a file may be replaced.</param>
    public static void Check(CommandRun run, string option, string path, bool overwrites)
    {
        if (path == DataSettings.StandardInput) return;
        if (FormatOf(path) is null)
            throw run.Wrong($"{option}: expected a name that ends with .jsonl or .parquet, or - for standard output, found {path}.");
        run.RequireFile(option, path);
        RequireFree(path, overwrites);
    }

    /// <summary>Refuses a file that exists and may not be replaced; what is no ordinary file never may.</summary>
    public static void RequireFree(string path, bool overwrites)
    {
        AtomicFile.RequireOrdinary(path);
        if (File.Exists(path) && !overwrites)
            throw new ToolException($"{path}: is there already; choose another name, or use --overwrite to replace it.");
    }

    /// <summary>Writes rows.</summary>
    /// <param name="run">The command.</param>
    /// <param name="path">The file; - for standard output.</param>
    /// <param name="rows">Values by column.</param>
    /// <returns>Columns that a Parquet file holds as JSON text.</returns>
    public static IReadOnlyList<string> Write(CommandRun run, string path, IEnumerable<IReadOnlyDictionary<string, object?>> rows)
    {
        if (path == DataSettings.StandardInput)
        {
            foreach (var row in rows) JsonResult.Write(run.Terminal.Out, json => WriteMembers(json, row));
            return [];
        }

        IReadOnlyList<string> asJson = [];
        AtomicFile.WriteStream(path, stream =>
        {
            if (FormatOf(path) == DataFormat.Parquet) asJson = ParquetRowWriter.Write(stream, rows, ToJson);
            else WriteLines(stream, rows);
        });
        return asJson;
    }

    /// <summary>A row, or a value of one, as JSON.</summary>
    public static string ToJson(object value)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options)) ColumnJson.Write(json, value);
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void WriteLines(Stream stream, IEnumerable<IReadOnlyDictionary<string, object?>> rows)
    {
        using var json = new Utf8JsonWriter(stream, Options);
        foreach (var row in rows)
        {
            json.WriteStartObject();
            WriteMembers(json, row);
            json.WriteEndObject();
            json.Flush();
            json.Reset();
            stream.WriteByte((byte)'\n');
        }
    }

    private static void WriteMembers(Utf8JsonWriter json, IReadOnlyDictionary<string, object?> row)
    {
        foreach (var (name, value) in row)
        {
            json.WritePropertyName(name);
            ColumnJson.Write(json, value);
        }
    }

    private static DataFormat? FormatOf(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".jsonl" or ".ndjson" => DataFormat.Jsonl,
        ".parquet" => DataFormat.Parquet,
        _ => null,
    };
}
