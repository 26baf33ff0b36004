using System.Text;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Cli.Generation;

/// <summary>A conversation to continue: a JSON list of messages, or a row of a data set with such a list under "messages", and its tools
/// and chat_template_kwargs if it has any.</summary>
internal static class MessagesFile
{
    private const int MaxBytes = 64 << 20;

    private const string StandardInput = "-";

    /// <summary>Reads the conversation.</summary>
    /// <param name="path">The file; - for standard input.</param>
    /// <param name="input">Standard input.</param>
    /// <exception cref="LapidaryException">The file is missing or has another form.</exception>
    public static MessagesRow Read(string path, TextReader input)
    {
        byte[]? typed = path == StandardInput ? Encoding.UTF8.GetBytes(input.ReadToEnd()) : null;
        if (typed is not null) path = "standard input";
        if (typed is { Length: 0 }) throw new LapidaryException($"{path}: expected a list of messages, found nothing.");
        object? value = Parse(path, typed);
        var columns = value as Dictionary<string, object?> ?? new(StringComparer.Ordinal) { ["messages"] = value };
        if (columns.GetValueOrDefault("messages") is not object?[] { Length: > 0 })
        {
            string found = DataRecord.Describe(columns.GetValueOrDefault("messages") ?? value);
            throw new LapidaryException($"{path}: expected a list of messages or {{\"messages\": [...]}}, found {found}.");
        }

        var record = new DataRecord(new RowOrigin(path, "row", 1), columns);
        return (MessagesRow)new RowReader(new DataSetOptions { Kind = RowKind.Messages }).Read(record);
    }

    private static object? Parse(string path, byte[]? typed)
    {
        try
        {
            return JsonValue.Parse(typed ?? InputFile.ReadAllBytes(path, MaxBytes, "a file of messages"));
        }
        catch (JsonException e)
        {
            if (Path.GetExtension(path) is ".jsonl" or ".ndjson")
            {
                throw new LapidaryException(
                    $"{path}: expected one conversation, found JSON Lines; put the row to go on from into a file of its own.", e);
            }

            string where = e.LineNumber is { } line ? $"{path}, line {line + 1}" : path;
            throw new LapidaryException($"{where}: expected JSON: {e.Message}", e);
        }
    }
}
