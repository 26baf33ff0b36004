using System.Text;
using System.Text.Json;
using Lapidary.Cli.Settings;
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

    private const string StandardInput = "-", Expected = "a list of messages or {\"messages\": [...]}";

    /// <summary>Reads the conversation.</summary>
    /// <param name="path">The file, or a pipe under a name of /dev/fd; - for standard input.</param>
    /// <param name="input">Standard input.</param>
    /// <exception cref="LapidaryException">The file is missing or has another form.</exception>
    public static MessagesRow Read(string path, TextReader input)
    {
        byte[]? typed = path == StandardInput ? Encoding.UTF8.GetBytes(input.ReadToEnd())
            : DataSettings.IsPipe(path) ? ReadPipe(path) : null;
        if (path == StandardInput) path = "standard input";
        object? value = Parse(path, typed);
        var columns = value as Dictionary<string, object?> ?? new(StringComparer.Ordinal) { ["messages"] = value };
        if (columns.GetValueOrDefault("messages") is not object?[] { Length: > 0 })
        {
            string found = columns.GetValueOrDefault("messages") is { } messages
                ? DataRecord.Describe(messages) + (value is Dictionary<string, object?> ? " under messages" : "")
                : $"{DataRecord.Describe(value)} without messages";
            throw new LapidaryException($"{path}: expected {Expected}, found {found}.");
        }

        var record = new DataRecord(new RowOrigin(path, "row", 1), columns);
        return (MessagesRow)new RowReader(new DataSetOptions { Kind = RowKind.Messages }).Read(record);
    }

    /// <summary>Reads what a shell gives as &lt;(...). Unlike a pipe with a name in a folder, it has a writer, so this does not wait for
    /// ever.</summary>
    private static byte[] ReadPipe(string path)
    {
        try
        {
            using var pipe = DataFiles.Open(path);
            using var bytes = new MemoryStream();
            byte[] piece = new byte[1 << 16];
            for (int count; (count = pipe.Read(piece)) > 0;)
            {
                bytes.Write(piece, 0, count);
                if (bytes.Length > MaxBytes)
                {
                    throw new LapidaryException(
                        $"{path}: expected a file of messages of at most {ByteSize.Format(MaxBytes)}, found more; check the path.");
                }
            }

            return bytes.ToArray();
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(path, e);
        }
    }

    private static object? Parse(string path, byte[]? typed)
    {
        byte[] json = typed ?? InputFile.ReadAllBytes(path, MaxBytes, "a file of messages");
        if (json.AsSpan().Trim(" \t\r\n"u8).IsEmpty) throw new LapidaryException($"{path}: expected {Expected}, found nothing.");
        try
        {
            return JsonValue.Parse(json);
        }
        catch (JsonFaultException e)
        {
            if (Path.GetExtension(path) is ".jsonl" or ".ndjson" || IsSeveral(json))
            {
                throw new LapidaryException(
                    $"{path}: expected one conversation, found JSON Lines; put one row into a file of its own, or answer all of them with "
                    + "--dataset.", e);
            }

            throw new LapidaryException(
                $"{path}: expected JSON, found {e.Fault}; look for a missing quote, comma or bracket there.", e);
        }
    }

    /// <summary>Whether a whole JSON value is followed by more.</summary>
    private static bool IsSeveral(byte[] json)
    {
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { AllowMultipleValues = true });
            return reader.TrySkip() && reader.Read() && reader.TrySkip() && reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
