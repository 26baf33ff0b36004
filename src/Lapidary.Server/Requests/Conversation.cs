using System.Text.Json;
using Lapidary.Gemma;
using Lapidary.Gemma.Text;
using Lapidary.Server.Http;

namespace Lapidary.Server.Requests;

/// <summary>The messages of a request.</summary>
/// <param name="Turns">For the chat template. System messages are one turn at the start, the only place where Gemma's template has
/// one.</param>
/// <param name="Sources">For each turn, its message's name in the request.</param>
internal sealed record Conversation(IReadOnlyList<ChatTurn> Turns, IReadOnlyList<string> Sources)
{
    private const string Messages = "messages";

    /// <summary>Reads the messages.</summary>
    /// <exception cref="ApiException">Names the message that is wrong.</exception>
    public static Conversation Read(RequestFields fields)
    {
        if (fields.Get(Messages) is not { } list) throw ApiException.Wrong(Messages, "is missing.");
        if (list.ValueKind != JsonValueKind.Array) throw RequestFields.Wrong(Messages, "a list of messages", list);
        List<string> system = [];
        List<ChatTurn> turns = [];
        List<string> sources = [];
        int index = 0;
        foreach (var item in list.EnumerateArray())
        {
            string path = $"{Messages}[{index++}]";
            var message = new RequestFields(item, path);
            string role = message.Require("role");
            if (role is "system" or "developer")
            {
                system.Add(Text(message, mayBeMissing: false));
                continue;
            }

            if (role is not ("user" or "assistant"))
                throw ApiException.Wrong($"{path}.role", $"expected system, developer, user or assistant, found {Found.Of(role)}.");
            foreach (string name in (ReadOnlySpan<string>)["tool_calls", "function_call", "audio"])
            {
                if (message.Get(name) is { } given && !UnsupportedFields.SaysNothing(given))
                    throw ApiException.Wrong($"{path}.{name}", "not supported; send its text as content.");
            }

            turns.Add(new ChatTurn(role, Text(message, mayBeMissing: role == "assistant")));
            sources.Add(path);
        }

        if (turns.Count == 0) throw ApiException.Wrong(Messages, "expected at least one message of the user.");
        if (system.Count > 0)
        {
            turns.Insert(0, new ChatTurn("system", string.Join("\n\n", system)));
            sources.Insert(0, Messages);
        }

        return new(turns, sources);
    }

    /// <summary>The error if the template refuses the conversation: that a message is out of turn, else the template's words. Neither says
    /// where the template lies on this machine.</summary>
    public ApiException Refusal(ChatTemplateException refusal)
    {
        if (refusal.Index is not { } i) return ApiException.Wrong(Messages, $"the model's chat template refuses them: {refusal.Reason}");
        int first = Turns[0].Role == "system" ? 1 : 0;
        string expected = (i - first) % 2 == 0 ? "user" : "assistant";
        if (i < first || Turns[i].Role == expected)
            return ApiException.Wrong(Sources[i], $"the model's chat template refuses it: {refusal.Reason}");
        string after = i == first ? "first" : $"after {Turns[i - 1].Role}";
        return ApiException.Wrong(
            Sources[i], $"expected {expected} {after}, found {Turns[i].Role}: user and assistant alternate.");
    }

    private static string Text(RequestFields message, bool mayBeMissing)
    {
        const string Content = "content";
        string path = message.NameOf(Content);
        if (message.Get(Content) is not { } content) return mayBeMissing ? "" : throw ApiException.Wrong(path, "is missing.");
        if (content.ValueKind == JsonValueKind.String) return RequestFields.TextOf(content, path);
        if (content.ValueKind != JsonValueKind.Array) throw RequestFields.Wrong(path, "a text or a list of parts", content);
        return string.Concat(content.EnumerateArray().Select((item, i) =>
        {
            var part = new RequestFields(item, $"{path}[{i}]");
            string type = part.Require("type");
            return type == "text" ? part.Require("text") : throw ApiException.Wrong(
                $"{path}[{i}]", $"expected a part of type text, found {Found.Of(type)}: only the text part of Gemma runs here.");
        }));
    }
}
