using System.Globalization;
using System.Text;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Gemma.Configuration;

/// <summary>The published sizes of Gemma 3, for benchmarks and memory plans without a checkpoint.</summary>
internal static class GemmaPresets
{
    private static readonly (string Name, int Hidden, int Layers, int Heads, int KvHeads, int HeadDim, int Intermediate, int Vocab,
        int Window, int Scalar, int Positions, bool Scaled)[] Sizes =
    [
        ("270m", 640, 18, 4, 1, 256, 2048, 262_144, 512, 256, 32_768, false),
        ("1b", 1152, 26, 4, 1, 256, 6912, 262_144, 512, 256, 32_768, false),
        ("4b", 2560, 34, 8, 4, 256, 10_240, 262_208, 1024, 256, 131_072, true),
        ("12b", 3840, 48, 16, 8, 256, 15_360, 262_208, 1024, 256, 131_072, true),
        ("27b", 5376, 62, 32, 16, 128, 21_504, 262_208, 1024, 168, 131_072, true),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. Sizes.Select(size => size.Name)];

    /// <summary>Whether a model has one of the published sizes. The vocabulary does not count, which users extend.</summary>
    public static bool HasSizesOf(GemmaConfig config) => Sizes.Any(size =>
        (size.Hidden, size.Layers, size.Heads, size.KvHeads, size.HeadDim, size.Intermediate) == (config.HiddenSize,
            config.NumHiddenLayers, config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim, config.IntermediateSize));

    public static GemmaConfig Create(string name)
    {
        int index = Array.FindIndex(Sizes, size => size.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (index < 0)
            throw new LapidaryException(
                $"preset: expected {string.Join(", ", Names)}, found {FileErrors.OneLine(name)}; choose one of these.");
        var size = Sizes[index];
        string json = string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "architectures": ["Gemma3ForCausalLM"],
              "attention_bias": false,
              "attention_dropout": 0.0,
              "attn_logit_softcapping": null,
              "bos_token_id": 2,
              "eos_token_id": 1,
              "final_logit_softcapping": null,
              "head_dim": {{size.HeadDim}},
              "hidden_activation": "gelu_pytorch_tanh",
              "hidden_size": {{size.Hidden}},
              "intermediate_size": {{size.Intermediate}},
              "max_position_embeddings": {{size.Positions}},
              "model_type": "gemma3_text",
              "num_attention_heads": {{size.Heads}},
              "num_hidden_layers": {{size.Layers}},
              "num_key_value_heads": {{size.KvHeads}},
              "pad_token_id": 0,
              "query_pre_attn_scalar": {{size.Scalar}},
              "rms_norm_eps": 1e-06,
              "rope_local_base_freq": 10000,
              "rope_scaling": {{(size.Scaled ? """{"factor": 8.0, "rope_type": "linear"}""" : "null")}},
              "rope_theta": 1000000,
              "sliding_window": {{size.Window}},
              "sliding_window_pattern": 6,
              "torch_dtype": "bfloat16",
              "use_cache": true,
              "vocab_size": {{size.Vocab}}
            }
            """);
        string path = $"preset {size.Name}";
        return GemmaConfigReader.Read(path, JsonFile.Parse(path, Encoding.UTF8.GetBytes(json)));
    }
}
