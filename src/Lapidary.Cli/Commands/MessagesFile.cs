using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Commands;

/// <summary>A conversation to continue: a JSON list of messages, or an object with such a list under "messages".</summary>
internal static class MessagesFile
{
    private const long MaximumBytes = 64 << 20;

    /// <exception cref="LapidaryException">The file is absent or not of that form.</exception>
    public static IReadOnlyList<ChatTurn> Read(string path)
    {
        try
        {
            if (File.Exists(path) && new FileInfo(path).Length > MaximumBytes) throw new LapidaryException($"{path}: expected at most {MaximumBytes} bytes.");
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var list = document.RootElement;
            if (list.ValueKind == JsonValueKind.Object && list.TryGetProperty("messages", out var inner)) list = inner;
            if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() == 0)
                throw new LapidaryException($"{path}: expected a list of messages or {{\"messages\": [...]}}, found {list.ValueKind}.");
            return [.. list.EnumerateArray().Select((message, i) => Message(path, message, i + 1))];
        }
        catch (JsonException e)
        {
            throw new LapidaryException($"{path}, line {e.LineNumber + 1}: expected JSON: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapidaryException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static ChatTurn Message(string path, JsonElement message, int number)
    {
        if (message.ValueKind == JsonValueKind.Object && Text(message, "role") is { } role && message.TryGetProperty("content", out var content))
        {
            if (content.ValueKind == JsonValueKind.String) return new ChatTurn(role, content.GetString()!);
            if (content.ValueKind == JsonValueKind.Array) return new ChatTurn(role, [.. content.EnumerateArray().Select(part => Part(path, part, number))]);
        }

        throw new LapidaryException($"{path}, message {number}: expected an object with \"role\" and \"content\".");
    }

    private static ChatPart Part(string path, JsonElement part, int number) =>
        part.ValueKind == JsonValueKind.Object && Text(part, "type") is "text" && Text(part, "text") is { } text
            ? new ChatPart("text", text)
            : throw new LapidaryException($"{path}, message {number}: expected parts {{\"type\": \"text\", \"text\": \"…\"}}; images are not read.");

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
