using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Gemma;
using Lapidary.Gemma.Weights;

namespace Lapidary.TextToSql;

/// <summary>A Gemma 3 that trains in seconds: 0.8 million random weights and a tokenizer of 1,024 pieces, in a folder like those on the
/// Hub. It has all features of the real models (sliding and full layers, grouped queries, a tied head) and no knowledge.</summary>
public static class TinyGemma
{
    /// <summary>Standard deviation of the embedding. It is small, so that all tokens are about equally likely at first and the loss starts
    /// near ln(vocabulary).</summary>
    private const double EmbeddingDeviation = 0.04;

    /// <summary>1 + w of the norms behind attention and MLP: each layer adds this much to a residual stream of about the embedding's size,
    /// so that random layers do not drown the token they are given.</summary>
    private const float BranchGain = 0.25f;

    private const string Config = """
        {
          "architectures": ["Gemma3ForCausalLM"],
          "attention_bias": false,
          "attention_dropout": 0.0,
          "attn_logit_softcapping": null,
          "bos_token_id": 2,
          "cache_implementation": "hybrid",
          "eos_token_id": [1, 6],
          "final_logit_softcapping": null,
          "head_dim": 32,
          "hidden_activation": "gelu_pytorch_tanh",
          "hidden_size": 96,
          "initializer_range": 0.02,
          "intermediate_size": 256,
          "max_position_embeddings": 2048,
          "model_type": "gemma3_text",
          "num_attention_heads": 4,
          "num_hidden_layers": 7,
          "num_key_value_heads": 2,
          "pad_token_id": 0,
          "query_pre_attn_scalar": 32,
          "rms_norm_eps": 1e-06,
          "rope_local_base_freq": 10000,
          "rope_scaling": null,
          "rope_theta": 1000000,
          "sliding_window": 128,
          "sliding_window_pattern": 6,
          "torch_dtype": "bfloat16",
          "transformers_version": "4.50.0.dev0",
          "use_cache": true,
          "vocab_size": 1024
        }

        """;

    private const string GenerationConfig = """
        {
          "bos_token_id": 2,
          "eos_token_id": [1, 6],
          "pad_token_id": 0,
          "transformers_version": "4.50.0.dev0"
        }

        """;

    /// <summary>Writes config.json, generation_config.json, the tokenizer's files and model.safetensors (bf16).</summary>
    /// <param name="folder">The model's folder, created if missing; files with these names are replaced.</param>
    /// <param name="seed">The seed of the weights: equal seeds give equal bytes on every machine.</param>
    /// <exception cref="LapidaryException">The disk is full or the folder may not be written.</exception>
    public static void Write(string folder, long seed = 42)
    {
        WriteText(folder, "config.json", Config);
        WriteText(folder, "generation_config.json", GenerationConfig);
        WriteAsset(folder, Tokenizer.FileName);
        WriteAsset(folder, "tokenizer_config.json");
        var tensors = GemmaTensors.Of(GemmaConfig.Load(folder)).ToList();
        using var writer = SafetensorsWriter.Create(
            Path.Combine(folder, "model.safetensors"),
            [.. tensors.Select(tensor => new TensorDeclaration(tensor.Name, "BF16", tensor.Shape.AsSpan()))]);
        for (int i = 0; i < tensors.Count; i++)
            writer.Write(tensors[i].Name, MemoryMarshal.AsBytes<ushort>(Values(tensors[i], new StableRandom(seed, i))));
        writer.Complete();
    }

    /// <summary>bf16 values. Matrices are normal with a deviation of 1/√in, which keeps a unit input at unit size.</summary>
    private static ushort[] Values(GemmaTensor tensor, StableRandom random)
    {
        long count = 1;
        foreach (long size in tensor.Shape) count *= size;
        var values = new ushort[count];
        if (tensor.Shape.Length == 1)
        {
            bool behindBranch = tensor.Name.Contains(".post_", StringComparison.Ordinal);
            values.AsSpan().Fill(BFloat16.FromSingle(behindBranch ? BranchGain - 1 : 0));
            return values;
        }

        bool isEmbedding = tensor.Name.Contains("embed_tokens", StringComparison.Ordinal);
        double deviation = isEmbedding ? EmbeddingDeviation : 1 / Math.Sqrt(tensor.Shape[^1]);
        for (int i = 0; i < values.Length; i++) values[i] = BFloat16.FromSingle((float)(Normal(ref random) * deviation));
        return values;
    }

    /// <summary>Approximately a standard normal number: the sum of twelve uniform numbers minus its mean. It uses no function of the
    /// platform, so the weights have the same bits everywhere.</summary>
    private static double Normal(ref StableRandom random)
    {
        double sum = -6;
        for (int i = 0; i < 12; i++) sum += random.NextDouble();
        return sum;
    }

    private static void WriteText(string folder, string name, string text) =>
        AtomicFile.WriteAllText(Path.Combine(folder, name), text.ReplaceLineEndings("\n"));

    private static void WriteAsset(string folder, string name)
    {
        using var asset = typeof(TinyGemma).Assembly.GetManifestResourceStream("Assets/" + name)!;
        AtomicFile.WriteStream(Path.Combine(folder, name), asset.CopyTo);
    }
}
