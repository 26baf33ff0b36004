using System.Text.Json.Nodes;

namespace Lapidary.Gemma.Configuration;

/// <summary>The changes of a merge or a quantization to config.json, so that it matches the new weights.</summary>
internal sealed record GemmaConfigChanges
{
    /// <summary>Whether lm_head is the embedding table, or null to leave the key alone.</summary>
    public bool? TieWordEmbeddings { get; init; }

    /// <summary>The weights' type as torch spells it, or null to leave the key alone.</summary>
    public string? Dtype { get; init; }

    /// <summary>Whether to remove quantization_config, because the weights are plain.</summary>
    public bool RemoveQuantization { get; init; }

    /// <summary>A new quantization_config, or null.</summary>
    public BitsAndBytesConfig? Quantization { get; init; }

    /// <summary>Ids at which texts end, or null to leave the key alone.</summary>
    public IReadOnlyList<int>? EosTokenIds { get; init; }

    public JsonObject Apply(JsonObject json)
    {
        var text = json["text_config"] as JsonObject;
        if (TieWordEmbeddings is { } tie)
        {
            // transformers reads the outer key of a multimodal model, older releases the inner one.
            json["tie_word_embeddings"] = tie;
            if (text?.ContainsKey("tie_word_embeddings") == true) text["tie_word_embeddings"] = tie;
        }

        if (Dtype is not null)
        {
            SetDtype(json, Dtype, addWhenAbsent: true);
            if (text is not null) SetDtype(text, Dtype, addWhenAbsent: false);
        }

        if (EosTokenIds is not null)
        {
            // Of two keys either may be read, so neither is left behind.
            const string Key = "eos_token_id";
            bool inText = text?.ContainsKey(Key) == true;
            if (inText) text![Key] = Ids();
            if (!inText || json.ContainsKey(Key)) json[Key] = Ids();
            JsonArray Ids() => [.. EosTokenIds.Select(id => JsonValue.Create(id))];
        }

        if (RemoveQuantization)
        {
            json.Remove("quantization_config");
            text?.Remove("quantization_config");
        }

        if (Quantization is not null) json["quantization_config"] = Quantization.ToJson();
        return json;
    }

    // torch_dtype is the spelling that both old and new releases of transformers read.
    private static void SetDtype(JsonObject json, string dtype, bool addWhenAbsent)
    {
        if (json.ContainsKey("dtype")) json["dtype"] = dtype;
        if (json.ContainsKey("torch_dtype") || (addWhenAbsent && !json.ContainsKey("dtype"))) json["torch_dtype"] = dtype;
    }
}
