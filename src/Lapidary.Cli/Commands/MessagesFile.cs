using System.Runtime.InteropServices;
using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Cli.Commands;

/// <summary>A conversation to continue: a JSON list of messages, or an object with such a list under "messages".</summary>
internal static class MessagesFile
{
    private const long MaxBytes = 64 << 20;

    /// <exception cref="LapidaryException">The file is absent or not of that form.</exception>
    public static IReadOnlyList<ChatTurn> Read(string path)
    {
        try
        {
            if (File.Exists(path) && new FileInfo(path).Length > MaxBytes)
                throw new LapidaryException($"{path}: expected at most {MaxBytes} bytes.");
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var list = document.RootElement;
            if (list.ValueKind == JsonValueKind.Object && list.TryGetProperty("messages", out var inner)) list = inner;
            if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
                throw new LapidaryException($"{path}: expected a list of messages or {{\"messages\": [...]}}, found {list.ValueKind}.");
            object? values = JsonValue.Parse(JsonMarshal.GetRawUtf8Value(list));
            return new MessageReader((number, isPart, _) => Error(path, number, isPart)).Read(values as object?[] ?? [values]);
        }
        catch (JsonException e)
        {
            string where = e.LineNumber is { } line ? $"{path}, line {line + 1}" : path;
            throw new LapidaryException($"{where}: expected JSON: {e.Message}", e);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw new LapidaryException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static LapidaryException Error(string path, int number, bool isPart) => new($"{path}, message {number}: " + (isPart
        ? "expected parts {\"type\": \"text\", \"text\": \"…\"}; images are not read."
        : "expected an object with \"role\" and \"content\"."));
}
