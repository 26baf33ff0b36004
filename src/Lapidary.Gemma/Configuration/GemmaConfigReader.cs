using System.Text.Json.Nodes;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Configuration;

/// <summary>Reads and checks config.json. An unsupported key that would change the result is an error.</summary>
/// <remarks>Absent keys have the defaults of transformers' Gemma3TextConfig. No published size has these values.</remarks>
internal static class GemmaConfigReader
{
    private const int MaxTokenId = 1 << 24;
    private const int MaxWidth = 1 << 20;
    private const string OtherModel = "choose a Gemma 3 checkpoint";

    public static GemmaConfig Read(string path, JsonObject json)
    {
        var root = new JsonSection(path, json);
        var text = TextSection(path, root, out bool isMultimodal);
        RefuseUnsupported(text);
        int layers = text.Int("num_hidden_layers", 26, 1, 1024);
        var rope = GemmaRope.Read(text);
        var config = new GemmaConfig
        {
            VocabSize = text.Int("vocab_size", 262_208, 1, MaxTokenId),
            HiddenSize = text.Int("hidden_size", 2304, 1, MaxWidth),
            IntermediateSize = text.Int("intermediate_size", 9216, 1, MaxWidth),
            NumHiddenLayers = layers,
            NumAttentionHeads = text.Int("num_attention_heads", 8, 1, 1024),
            NumKeyValueHeads = text.Int("num_key_value_heads", 4, 1, 1024),
            HeadDim = text.Int("head_dim", 256, 2, 4096),
            QueryPreAttnScalar = text.Positive("query_pre_attn_scalar", 256),
            RmsNormEps = text.Positive("rms_norm_eps", 1e-6),
            SlidingWindow = text.Int("sliding_window", 4096, 1, MaxTokenId),
            LayerTypes = LayerTypes(text, layers),
            RopeTheta = rope.Theta,
            RopeLocalBaseFreq = rope.LocalTheta,
            RopeScalingFactor = rope.Factor,
            MaxPositionEmbeddings = text.Int("max_position_embeddings", 131_072, 1, 1 << 28),
            TieWordEmbeddings = Outer(root, text, "tie_word_embeddings").Flag("tie_word_embeddings", true),
            BosTokenId = Outer(root, text, "bos_token_id").Int("bos_token_id", 2, 0, MaxTokenId),
            EosTokenIds = Outer(root, text, "eos_token_id").Ints("eos_token_id", 0, MaxTokenId) ?? [1],
            PadTokenId = Outer(root, text, "pad_token_id").Int("pad_token_id", 0, 0, MaxTokenId),
            Dtype = Dtype(root) ?? Dtype(text) ?? "float32",
            IsMultimodal = isMultimodal,
            Quantization = Outer(root, text, "quantization_config").Section("quantization_config") is { } quantization
                ? BitsAndBytesConfig.Read(quantization)
                : null,
            Json = json,
        };
        if (config.HeadDim % 2 != 0) throw text.Error("head_dim", "an even number (rotary embedding pairs its elements)");
        if (config.NumAttentionHeads % config.NumKeyValueHeads != 0)
            throw text.Error("num_key_value_heads", $"a divisor of num_attention_heads ({config.NumAttentionHeads})");
        return config;
    }

    private static JsonSection TextSection(string path, JsonSection root, out bool isMultimodal)
    {
        string? type = root.Text("model_type");
        isMultimodal = type == "gemma3";
        if (type is null) throw root.Error("model_type", "\"gemma3_text\" or \"gemma3\"", OtherModel);
        if (type is not ("gemma3_text" or "gemma3"))
        {
            throw new LapidaryException($"{path}: model_type: is a {FileErrors.OneLine(type)} model; " +
                $"Lapidary trains Gemma 3 (model_type gemma3_text or gemma3), {OtherModel}.");
        }

        if (!isMultimodal) return root;
        var text = root.Section("text_config") ?? throw root.Error("text_config", "an object");
        if (text.Text("model_type") is not (null or "gemma3_text")) throw text.Error("model_type", "\"gemma3_text\"", OtherModel);
        return text;
    }

    private static void RefuseUnsupported(JsonSection text)
    {
        foreach (string key in (ReadOnlySpan<string>)["attn_logit_softcapping", "final_logit_softcapping"])
            if (text.Has(key)) throw text.Error(key, "null, as Gemma 3 has no softcapping", OtherModel);
        foreach (string key in (ReadOnlySpan<string>)["attention_bias", "use_bidirectional_attention"])
            if (text.Flag(key, false)) throw text.Error(key, "false", OtherModel);
        if (text.Number("attention_dropout", 0, 0, 1) != 0) throw text.Error("attention_dropout", "0.0", "set it to 0.0");
        foreach (string key in (ReadOnlySpan<string>)["hidden_activation", "hidden_act"])
            if (text.Text(key) is not (null or "gelu_pytorch_tanh")) throw text.Error(key, "\"gelu_pytorch_tanh\"", OtherModel);
    }

    private static LayerType[] LayerTypes(JsonSection text, int layers)
    {
        if (text.Texts("layer_types") is { } names)
        {
            if (names.Count != layers) throw text.Error("layer_types", $"{layers} entries (num_hidden_layers)");
            return [.. names.Select(name => name switch
            {
                "sliding_attention" => LayerType.Sliding,
                "full_attention" => LayerType.Full,
                _ => throw text.Error("layer_types", "\"sliding_attention\" or \"full_attention\"", OtherModel),
            })];
        }

        string key = text.Has("sliding_window_pattern") ? "sliding_window_pattern" : "_sliding_window_pattern";
        int pattern = text.Int(key, 6, 1, 1024);
        return [.. Enumerable.Range(1, layers).Select(layer => layer % pattern == 0 ? LayerType.Full : LayerType.Sliding)];
    }

    // A multimodal file has these keys outside, inside or in both; the outer one is what transformers uses.
    private static JsonSection Outer(JsonSection root, JsonSection text, string key) => root.Has(key) ? root : text;

    private static string? Dtype(JsonSection section) => section.Text("dtype") ?? section.Text("torch_dtype");
}
