using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lapidary.Robustness.Tests.Serving;

/// <summary>A request, and its answers when nobody else asks.</summary>
/// <param name="Path">Where it is sent.</param>
/// <param name="Json">Its body.</param>
internal sealed record RequestKind(string Path, string Json)
{
    /// <summary>Status and texts of the answers.</summary>
    public string Expected { get; set; } = "";

    /// <summary>A request of random length, sampling and form; now and then one that is wrong.</summary>
    public static RequestKind New(Random random, int kind)
    {
        var body = new JsonObject
        {
            ["model"] = kind % 13 == 12 ? "nobody" : kind % 2 == 0 ? "base" : "adapter",
            ["max_tokens"] = random.Next(1, 16),
            ["stream"] = random.Next(2) == 0,
            ["seed"] = kind,
        };
        if (random.Next(3) > 0) body["temperature"] = random.Next(3) * 0.7;
        if (random.Next(4) == 0) body["n"] = random.Next(1, 4);
        if (random.Next(4) == 0) body["stop"] = new JsonArray("e", "\n");
        if (kind % 17 == 16) body["top_p"] = 2;
        if (kind % 4 == 3) body["response_format"] = JsonNode.Parse(kind % 8 == 3 ? """{"type": "json_object"}""" : Schema);
        string text = string.Join(' ', Enumerable.Range(0, random.Next(1, 120)).Select(_ => Words[random.Next(Words.Length)]));
        bool isChat = kind % 5 != 0;
        if (isChat) body["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = text });
        else body["prompt"] = text;
        if (random.Next(5) == 0)
        {
            if (isChat) (body["logprobs"], body["top_logprobs"]) = (true, 3);
            else body["logprobs"] = 3;
        }

        return new(isChat ? "/v1/chat/completions" : "/v1/completions", body.ToJsonString());
    }

    /// <summary>Asks, and returns status and texts.</summary>
    public async Task<string> AskAsync(HttpClient client, CancellationToken cancellation)
    {
        using var content = new StringContent(Json, System.Text.Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(Path, content, cancellation);
        return TextsOf((int)response.StatusCode, await response.Content.ReadAsStringAsync(cancellation));
    }

    /// <summary>Status and texts of a reply.</summary>
    public static string TextsOf(int status, string reply)
    {
        if (status != 200) return $"{status}";
        var texts = new SortedDictionary<int, string>();
        string[] parts = reply.StartsWith("data: ", StringComparison.Ordinal) ? [.. Events(reply)] : [reply];
        foreach (string part in parts)
        {
            foreach (var choice in JsonDocument.Parse(part).RootElement.GetProperty("choices").EnumerateArray())
            {
                int index = choice.GetProperty("index").GetInt32();
                string text = choice.TryGetProperty("text", out var plain) ? plain.GetString()!
                    : choice.TryGetProperty("message", out var message) ? message.GetProperty("content").GetString()!
                    : choice.GetProperty("delta").TryGetProperty("content", out var delta) ? delta.GetString()! : "";
                string end = choice.GetProperty("finish_reason").GetString() is { } reason ? $"|{reason}" : "";
                texts[index] = texts.GetValueOrDefault(index, "") + text + end;
            }
        }

        return $"{status} " + string.Join('/', texts.Values);

        static IEnumerable<string> Events(string reply)
        {
            string[] lines = reply.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal("data: [DONE]", lines[^1]);
            return lines[..^1].Select(line => line["data: ".Length..]);
        }
    }

    private const string Schema = """
        {
          "type": "json_schema",
          "json_schema": {
            "name": "pair",
            "schema": {
              "type": "object",
              "properties": {"a": {"enum": ["é", "b", 3, null]}, "b": {"anyOf": [{"type": "integer", "maximum": 12}, {"type": "string"}]}},
              "required": ["a"]
            }
          }
        }
        """;

    private static readonly string[] Words =
        ["SELECT", "count(*)", "FROM", "users", "where", "<end_of_turn>", "é", "🙂", "id", "=", "5", "\n", "name", "<b>", "order by"];
}
