using Lapidary.Gemma;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Rows;

/// <summary>Reads a list of messages: role and content, or from and value.</summary>
internal static class MessageReader
{
    public static List<ChatTurn> Read(DataRecord record, string column)
    {
        object? value = record.Column(column);
        if (value is not object?[] { Length: > 0 } list)
            throw record.Origin.Error($"expected a list of messages in \"{column}\", found {DataRecord.Describe(value)}.");
        List<ChatTurn> messages = new(list.Length);
        for (int i = 0; i < list.Length; i++) messages.Add(ReadMessage(record, list[i], $"\"{column}\" message {i + 1}"));
        return messages;
    }

    private static ChatTurn ReadMessage(DataRecord record, object? value, string where)
    {
        if (value is not IReadOnlyDictionary<string, object?> fields)
            throw record.Origin.Error($"{where}: expected an object with role and content, found {DataRecord.Describe(value)}.");
        if (fields.TryGetValue("role", out object? role) && fields.TryGetValue("content", out object? content))
        {
            string name = role as string ?? throw record.Origin.Error($"{where}: expected a string as role, found {DataRecord.Describe(role)}.");
            return content is string plain ? new(name, plain) : new(name, Parts(record, content, where));
        }

        if (fields.TryGetValue("from", out object? from) && fields.TryGetValue("value", out object? text))
        {
            return new(
                Role(record, from, where),
                text as string ?? throw record.Origin.Error($"{where}: expected a string as value, found {DataRecord.Describe(text)}."));
        }

        throw record.Origin.Error(
            $"{where}: expected role and content (or from and value), found {(fields.Count == 0 ? "nothing" : string.Join(", ", fields.Keys))}.");
    }

    private static string Role(DataRecord record, object? from, string where) => from switch
    {
        "human" or "user" => "user",
        "gpt" or "assistant" or "model" => "assistant",
        "system" => "system",
        _ => throw record.Origin.Error(
            $"{where}: expected from to be human, user, gpt, assistant, model or system, found {(from is string name ? $"\"{name}\"" : DataRecord.Describe(from))}."),
    };

    private static ChatPart[] Parts(DataRecord record, object? content, string where)
    {
        if (content is not object?[] parts)
            throw record.Origin.Error($"{where}: expected content to be a string or a list of text parts, found {DataRecord.Describe(content)}.");
        return Array.ConvertAll(parts, part => Part(record, part, where));
    }

    private static ChatPart Part(DataRecord record, object? part, string where)
    {
        var fields = part as IReadOnlyDictionary<string, object?>;
        if (fields?.GetValueOrDefault("text") is string text) return new("text", text);
        string found = fields?.GetValueOrDefault("type") is string type ? $"type \"{type}\"" : DataRecord.Describe(part);
        throw record.Origin.Error($"{where}: expected parts {{\"type\": \"text\", \"text\": \"…\"}}, found {found}; images are not trained.");
    }
}
