using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Data.Rows;

/// <summary>Reads the messages of a conversation: role and content, or from and value. The template also gets all other fields of a
/// message.</summary>
/// <param name="error">Creates the error for an invalid message; it knows the file.</param>
internal sealed class MessageReader(MessageReader.ErrorFactory error)
{
    /// <summary>Makes an error.</summary>
    /// <param name="number">Number of the message, from 1.</param>
    /// <param name="expectedAndFound">The description of the problem.</param>
    internal delegate LapidaryException ErrorFactory(int number, string expectedAndFound);

    /// <summary>The messages in a list of values like those of <see cref="DataRecord"/>.</summary>
    public List<ChatTurn> Read(object?[] list)
    {
        List<ChatTurn> messages = new(list.Length);
        for (int i = 0; i < list.Length; i++) messages.Add(ReadMessage(list[i], i + 1));
        return messages;
    }

    private ChatTurn ReadMessage(object? value, int number)
    {
        if (value is not IReadOnlyDictionary<string, object?> given)
            throw error(number, $"expected an object with role and content, found {DataRecord.Describe(value)}.");
        var fields = !given.ContainsKey("role") && given.ContainsKey("from") ? WithRole(given) : given;
        if (!fields.TryGetValue("role", out object? role)) throw NoMessage(fields, number);
        if (role is not string name) throw error(number, $"expected a string as role, found {DataRecord.Describe(role)}.");
        bool isTrained = Flag(fields, "weight", number) & Flag(fields, "train", number) & Flag(fields, "training", number);
        return Turn(fields, name, number) with { IsTrained = isTrained };
    }

    private ChatTurn Turn(IReadOnlyDictionary<string, object?> fields, string role, int number)
    {
        bool hasContent = fields.TryGetValue("content", out object? content);
        bool isPlain = fields.Count == 2 && fields.Keys.First() == "role";
        switch (content)
        {
            case string text:
                return isPlain ? new ChatTurn(Shared(role), text) : WithOwnFields(fields, number);
            case object?[] list:
                var parts = Array.ConvertAll(list, part => Part(part, number));
                return isPlain && Array.TrueForAll(parts, IsPlain)
                    ? new ChatTurn(Shared(role), Array.ConvertAll(parts, part => new ChatPart("text", (string)part["text"]!)))
                    : WithOwnFields(With(fields, "content", parts), number);
            case null when Calls(fields.GetValueOrDefault("tool_calls")) || Calls(fields.GetValueOrDefault("function_call")):
                // TRL, too, leaves out a null content; a template that prints it would write "None".
                return WithOwnFields(new Dictionary<string, object?>(fields.Where(field => field.Key != "content")), number);
            default:
                throw hasContent
                    ? error(number, $"expected content to be a string or a list of text parts, found {DataRecord.Describe(content)}.")
                    : NoMessage(fields, number);
        }
    }

    private static bool Calls(object? value) => value is not (null or IReadOnlyCollection<object?> { Count: 0 });

    /// <summary>Shares one string among all messages with the same role.</summary>
    private static string Shared(string role) => role switch
    {
        "user" => "user",
        "assistant" => "assistant",
        "system" => "system",
        _ => role,
    };

    private ChatTurn WithOwnFields(IReadOnlyDictionary<string, object?> fields, int number)
    {
        try
        {
            return new ChatTurn(fields);
        }
        catch (LapidaryException e)
        {
            throw error(number, e.Message);
        }
    }

    /// <summary>The fields with role and content in place of from and value, after the others, as in TRL.</summary>
    private static Dictionary<string, object?> WithRole(IReadOnlyDictionary<string, object?> fields)
    {
        var renamed = new Dictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (name, value) in fields)
        {
            if (name is not ("from" or "value")) renamed[name] = value;
        }

        renamed["role"] = fields["from"] switch
        {
            "human" => "user",
            "gpt" or "model" => "assistant",
            var from => from,
        };
        if (fields.TryGetValue("value", out object? text)) renamed["content"] = text;
        return renamed;
    }

    /// <summary>Whether a message with this value is trained: 0 and 1, or false and true, where the meaning is certain.</summary>
    private bool Flag(IReadOnlyDictionary<string, object?> fields, string name, int number) => fields.GetValueOrDefault(name) switch
    {
        null or true or 1L or 1.0 => true,
        false or 0L or 0.0 => false,
        var other => throw error(
            number, $"expected {name} to be 0 or 1, false or true, found {(other is double ? other : DataRecord.Describe(other))}."),
    };

    private IReadOnlyDictionary<string, object?> Part(object? part, int number)
    {
        if (part is IReadOnlyDictionary<string, object?> fields && fields.GetValueOrDefault("text") is string)
        {
            object? type = fields.GetValueOrDefault("type");
            if (type is "text") return fields;
            if (type is null) return With(fields, "type", "text");
        }

        string found = (part as IReadOnlyDictionary<string, object?>)?.GetValueOrDefault("type") is string name
            ? $"type \"{FileErrors.OneLine(name)}\""
            : DataRecord.Describe(part);
        throw error(number, $"expected parts {{\"type\": \"text\", \"text\": \"…\"}}, found {found}; images are not trained.");
    }

    private static bool IsPlain(IReadOnlyDictionary<string, object?> part) => part.Count == 2 && part.Keys.First() == "type";

    private static Dictionary<string, object?> With(IReadOnlyDictionary<string, object?> fields, string name, object value)
    {
        var changed = new Dictionary<string, object?>(fields, StringComparer.Ordinal);
        changed[name] = value;
        return changed;
    }

    private LapidaryException NoMessage(IReadOnlyDictionary<string, object?> fields, int number)
    {
        string found = fields.Count == 0 ? "nothing" : DataRecord.Names(fields.Keys);
        return error(number, $"expected role and content (or from and value), found {found}.");
    }
}
