using System.Text.Json;
using Lapidary.Gemma;
using Lapidary.Server.Http;

namespace Lapidary.Server.Requests;

/// <summary>The prompts of /v1/completions: a text, token ids, or a list of either.</summary>
internal static class TextPrompts
{
    private const string Prompt = "prompt";

    /// <summary>Reads the prompts. Control tokens in a text are those tokens: whoever sends a whole prompt writes its turns.</summary>
    /// <exception cref="ApiException">There is none, or it is of another kind.</exception>
    public static IReadOnlyList<int[]> Read(RequestFields fields, Tokenizer tokenizer, int vocabulary)
    {
        if (fields.Get(Prompt) is not { } value) throw ApiException.Wrong(Prompt, "is missing.");
        if (value.ValueKind == JsonValueKind.String) return [tokenizer.EncodePrompt(RequestFields.TextOf(value, Prompt))];
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(value);
        if (value.GetArrayLength() == 0) throw ApiException.Wrong(Prompt, "expected at least one text or token id, found none.");
        if (value[0].ValueKind == JsonValueKind.Number) return [Ids(value, Prompt, vocabulary)];
        return
        [
            .. value.EnumerateArray().Select((item, i) => item.ValueKind switch
            {
                JsonValueKind.String => tokenizer.EncodePrompt(RequestFields.TextOf(item, $"{Prompt}[{i}]")),
                JsonValueKind.Array => Ids(item, $"{Prompt}[{i}]", vocabulary),
                _ => throw Wrong(item),
            }),
        ];
    }

    private static int[] Ids(JsonElement list, string path, int vocabulary) => list.GetArrayLength() == 0
        ? throw ApiException.Wrong(path, "expected at least one token id, found none.")
        :
        [
            .. list.EnumerateArray().Select((item, i) =>
                item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int id) && id >= 0 && id < vocabulary
                    ? id : throw RequestFields.Wrong($"{path}[{i}]", $"a token id from 0 to {vocabulary - 1}", item)),
        ];

    private static ApiException Wrong(JsonElement found) =>
        RequestFields.Wrong(Prompt, "a text, token ids, or a list of either", found);
}
