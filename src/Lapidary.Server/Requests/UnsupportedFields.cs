using System.Text.Json;
using Lapidary.Server.Http;

namespace Lapidary.Server.Requests;

/// <summary>Fields that would change the answer and are not supported: they are refused, not ignored, unless they say nothing (null, false,
/// 0, empty). Fields that are unknown here are ignored, so that callers may send more than a server knows.</summary>
internal static class UnsupportedFields
{
    private const string NoFormat = "not supported; give response_format a JSON schema.";
    private const string NoTools = "Gemma 3 has no tool calls of its own; leave it out and describe the format in the prompt.";
    private const string NotHere = "not supported; leave it out.";

    private static readonly Dictionary<string, string> Reasons = new(StringComparer.Ordinal)
    {
        ["tools"] = NoTools,
        ["functions"] = NoTools,
        ["function_call"] = NoTools,
        ["frequency_penalty"] = NotHere,
        ["presence_penalty"] = NotHere,
        ["logit_bias"] = NotHere,
        ["audio"] = NotHere,
        ["web_search_options"] = NotHere,
        ["suffix"] = NotHere,
        ["echo"] = NotHere,
        ["bad_words"] = NotHere,
        ["min_tokens"] = NotHere,
        ["ignore_eos"] = NotHere,
        ["use_beam_search"] = NotHere,
        ["prompt_logprobs"] = NotHere,
        ["continue_final_message"] = NotHere,
        ["guided_json"] = NoFormat,
        ["guided_regex"] = NoFormat,
        ["guided_choice"] = NoFormat,
        ["guided_grammar"] = NoFormat,
        ["grammar"] = NoFormat,
        ["json_schema"] = NoFormat,
    };

    /// <summary>Refuses them.</summary>
    /// <exception cref="ApiException">Names the first.</exception>
    public static void Refuse(RequestFields fields)
    {
        foreach (var (name, reason) in Reasons)
        {
            if (fields.Get(name) is { } value && !SaysNothing(value) && !IsNone(value)) throw ApiException.Wrong(name, reason);
        }

        if (fields.Get("tool_choice") is { } choice && !IsNone(choice)) throw ApiException.Wrong("tool_choice", NoTools);
        if (fields.Get("best_of") is { } best && best.GetRawText() != (fields.Get("n")?.GetRawText() ?? "1"))
            throw ApiException.Wrong("best_of", "expected the value of n; " + NotHere);
        if (fields.Texts("modalities").FirstOrDefault(kind => kind != "text") is { } other)
            throw ApiException.Wrong("modalities", $"expected text alone, found {Found.Of(other)}.");
    }

    /// <summary>The words by which clients say that no tool is to be called, or that nothing is asked for.</summary>
    private static bool IsNone(JsonElement value) =>
        value.ValueKind == JsonValueKind.String && value.GetRawText() is "\"none\"" or "\"auto\"";

    /// <summary>Whether a value is as good as none.</summary>
    public static bool SaysNothing(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.False => true,
        JsonValueKind.Number => value.TryGetDouble(out double number) && number == 0,
        JsonValueKind.String => value.GetRawText() == "\"\"",
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        _ => false,
    };
}
