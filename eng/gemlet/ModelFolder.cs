using System.Globalization;
using Lapidary.Gemma;
using Lapidary.TextToSql.Model;

namespace Gemlet;

/// <summary>The sizes of a model.</summary>
/// <param name="Layers">Decoder layers.</param>
/// <param name="Hidden">Width of the residual stream.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KvHeads">Key and value heads.</param>
/// <param name="HeadDim">Width of a head.</param>
/// <param name="Mlp">Width of the MLP.</param>
internal sealed record ModelSize(int Layers, int Hidden, int Heads, int KvHeads, int HeadDim, int Mlp)
{
    /// <summary>Reads "6,192,3,1,64,512".</summary>
    public static ModelSize Parse(string text)
    {
        int[] n = [.. text.Split(',').Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        return new(n[0], n[1], n[2], n[3], n[4], n[5]);
    }
}

/// <summary>Writes a Gemma 3 with random weights, in the form of the models on the Hub.</summary>
internal static class ModelFolder
{
    /// <summary>Writes the folder; tokenizer.json is copied.</summary>
    public static long Write(string folder, string tokenizer, ModelSize size, long seed)
    {
        Directory.CreateDirectory(folder);
        string copy = Path.Combine(folder, "tokenizer.json");
        if (Path.GetFullPath(tokenizer) != Path.GetFullPath(copy)) File.Copy(tokenizer, copy, overwrite: true);
        return RandomGemma.Write(folder, Config(size, Tokenizer.Load(folder).VocabSize), seed);
    }

    private static string Config(ModelSize size, int vocabulary) => string.Create(CultureInfo.InvariantCulture, $$"""
        {
          "architectures": ["Gemma3ForCausalLM"],
          "attention_bias": false,
          "attention_dropout": 0.0,
          "attn_logit_softcapping": null,
          "bos_token_id": 2,
          "cache_implementation": "hybrid",
          "eos_token_id": [1, 6],
          "final_logit_softcapping": null,
          "head_dim": {{size.HeadDim}},
          "hidden_activation": "gelu_pytorch_tanh",
          "hidden_size": {{size.Hidden}},
          "initializer_range": 0.02,
          "intermediate_size": {{size.Mlp}},
          "max_position_embeddings": 2048,
          "model_type": "gemma3_text",
          "num_attention_heads": {{size.Heads}},
          "num_hidden_layers": {{size.Layers}},
          "num_key_value_heads": {{size.KvHeads}},
          "pad_token_id": 0,
          "query_pre_attn_scalar": {{size.HeadDim}},
          "rms_norm_eps": 1e-06,
          "rope_local_base_freq": 10000,
          "rope_scaling": null,
          "rope_theta": 1000000,
          "sliding_window": 512,
          "sliding_window_pattern": 6,
          "torch_dtype": "bfloat16",
          "transformers_version": "4.50.0.dev0",
          "use_cache": true,
          "vocab_size": {{vocabulary}}
        }

        """);
}
