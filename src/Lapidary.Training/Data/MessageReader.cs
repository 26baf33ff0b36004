using System.Text;

namespace Lapidary.Training.Data;

/// <summary>Reads a list of messages: role and content, or from and value.</summary>
internal static class MessageReader
{
    public static List<ChatTurn> Read(DataRecord record, string column)
    {
        object? value = record.Column(column);
        if (value is not object?[] { Length: > 0 } list)
            throw record.Origin.Error($"expected a list of messages in \"{column}\", found {DataRecord.Describe(value)}.");
        List<ChatTurn> messages = new(list.Length);
        for (int i = 0; i < list.Length; i++) messages.Add(ReadMessage(record, list[i], i, $"\"{column}\" message {i + 1}"));
        return messages;
    }

    private static ChatTurn ReadMessage(DataRecord record, object? value, int index, string where)
    {
        if (value is not IReadOnlyDictionary<string, object?> fields)
            throw record.Origin.Error($"{where}: expected an object with role and content, found {DataRecord.Describe(value)}.");
        if (fields.TryGetValue("role", out object? role) && fields.TryGetValue("content", out object? content))
        {
            string name = role as string ?? throw record.Origin.Error($"{where}: expected a string as role, found {DataRecord.Describe(role)}.");
            return new(name, Content(record, content, name == "system" && index == 0, where));
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

    /// <summary>A string, or text parts joined as Gemma's template joins them: each stripped; of a system message, the first part as it is.</summary>
    private static string Content(DataRecord record, object? content, bool isSystem, string where)
    {
        if (content is string plain) return plain;
        if (content is not object?[] parts)
            throw record.Origin.Error($"{where}: expected content to be a string or a list of text parts, found {DataRecord.Describe(content)}.");
        var joined = new StringBuilder();
        foreach (object? part in parts)
        {
            if (part is not IReadOnlyDictionary<string, object?> fields || fields.GetValueOrDefault("text") is not string text)
            {
                string found = part is IReadOnlyDictionary<string, object?> other && other.GetValueOrDefault("type") is string type
                    ? $"type \"{type}\""
                    : DataRecord.Describe(part);
                throw record.Origin.Error($"{where}: expected parts {{\"type\": \"text\", \"text\": \"…\"}}, found {found}; images are not trained.");
            }

            if (isSystem) return text;
            joined.Append(text.AsSpan().Trim());
        }

        return joined.ToString();
    }
}
