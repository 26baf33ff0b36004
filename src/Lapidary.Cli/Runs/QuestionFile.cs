using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Gemma;
using Lapidary.Training.Data.Writing;

namespace Lapidary.Cli.Runs;

/// <summary>A conversation as a row of a data set, for generate's --messages.</summary>
internal static class QuestionFile
{
    private const string ToolsKey = "tools", OtherKey = "chat_template_kwargs";

    /// <summary>{"messages": […]}, with tools and chat_template_kwargs if present.</summary>
    public static string Text(IReadOnlyList<ChatTurn> messages, IReadOnlyDictionary<string, object?>? variables)
    {
        using var buffer = new MemoryStream();
        var layout = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true, NewLine = "\n" };
        using (var json = new Utf8JsonWriter(buffer, layout))
        {
            json.WriteStartObject();
            json.WritePropertyName("messages");
            ColumnJson.Write(json, messages.Select(Fields).ToList());
            if (variables?.GetValueOrDefault(ToolsKey) is { } tools)
            {
                json.WritePropertyName(ToolsKey);
                ColumnJson.Write(json, tools);
            }

            var others = variables?.Where(pair => pair.Key != ToolsKey).ToDictionary(pair => pair.Key, pair => pair.Value);
            if (others is { Count: > 0 })
            {
                json.WritePropertyName(OtherKey);
                ColumnJson.Write(json, others);
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static IReadOnlyDictionary<string, object?> Fields(ChatTurn turn) => turn.Fields ?? new Dictionary<string, object?>
    {
        ["role"] = turn.Role,
        ["content"] = turn.Parts is null ? turn.Content : turn.Parts.Select(Part).ToList(),
    };

    private static Dictionary<string, object?> Part(ChatPart part)
    {
        var fields = new Dictionary<string, object?> { ["type"] = part.Type };
        if (part.Text is not null) fields["text"] = part.Text;
        return fields;
    }
}
