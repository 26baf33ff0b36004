using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Rows;

/// <summary>Reads the messages of a conversation: role and content, or from and value.</summary>
/// <param name="error">Makes the error of a message that is not one, which knows the file.</param>
internal sealed class MessageReader(MessageReader.ErrorFactory error)
{
    /// <summary>Makes an error.</summary>
    /// <param name="number">Of the message, from 1.</param> <param name="isPart">Whether a part of its content is wrong, rather than the
    /// message.</param>
    /// <param name="expectedAndFound">What is wrong.</param>
    internal delegate LapidaryException ErrorFactory(int number, bool isPart, string expectedAndFound);

    /// <summary>The messages of a list of such values as <see cref="DataRecord"/> holds.</summary>
    public List<ChatTurn> Read(object?[] list)
    {
        List<ChatTurn> messages = new(list.Length);
        for (int i = 0; i < list.Length; i++) messages.Add(ReadMessage(list[i], i + 1));
        return messages;
    }

    private ChatTurn ReadMessage(object? value, int number)
    {
        if (value is not IReadOnlyDictionary<string, object?> fields)
            throw Error(number, $"expected an object with role and content, found {DataRecord.Describe(value)}.");
        if (fields.TryGetValue("role", out object? role) && fields.TryGetValue("content", out object? content))
        {
            string name = role as string ?? throw Error(number, $"expected a string as role, found {DataRecord.Describe(role)}.");
            return content is string plain ? new(name, plain) : new(name, Parts(content, number));
        }

        if (fields.TryGetValue("from", out object? from) && fields.TryGetValue("value", out object? text))
        {
            return new(
                Role(from, number),
                text as string ?? throw Error(number, $"expected a string as value, found {DataRecord.Describe(text)}."));
        }

        string found = fields.Count == 0 ? "nothing" : string.Join(", ", fields.Keys);
        throw Error(number, $"expected role and content (or from and value), found {found}.");
    }

    private string Role(object? from, int number) => from switch
    {
        "human" or "user" => "user",
        "gpt" or "assistant" or "model" => "assistant",
        "system" => "system",
        _ => throw Error(
            number,
            "expected from to be human, user, gpt, assistant, model or system, "
            + $"found {(from is string name ? $"\"{name}\"" : DataRecord.Describe(from))}."),
    };

    private ChatPart[] Parts(object? content, int number)
    {
        if (content is not object?[] parts)
            throw Error(number, $"expected content to be a string or a list of text parts, found {DataRecord.Describe(content)}.");
        return Array.ConvertAll(parts, part => Part(part, number));
    }

    private ChatPart Part(object? part, int number)
    {
        var fields = part as IReadOnlyDictionary<string, object?>;
        if (fields?.GetValueOrDefault("text") is string text) return new("text", text);
        string found = fields?.GetValueOrDefault("type") is string type ? $"type \"{type}\"" : DataRecord.Describe(part);
        throw error(
            number, isPart: true, $"expected parts {{\"type\": \"text\", \"text\": \"…\"}}, found {found}; images are not trained.");
    }

    private LapidaryException Error(int number, string expectedAndFound) => error(number, isPart: false, expectedAndFound);
}
