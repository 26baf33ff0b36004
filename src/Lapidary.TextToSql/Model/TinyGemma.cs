using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.TextToSql.Model;

namespace Lapidary.TextToSql;

/// <summary>A Gemma 3 that trains in seconds: 0.8 million random weights and a tokenizer of 1,024 pieces, in a folder like those on the
/// Hub. It has all features of the real models (sliding and full layers, grouped queries, a tied head) and no knowledge.</summary>
public static class TinyGemma
{
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

    /// <summary>Writes config.json, generation_config.json, the tokenizer's files and model.safetensors (bf16).</summary>
    /// <param name="folder">The model's folder, created if missing; files with these names are replaced.</param>
    /// <param name="seed">The seed of the weights: equal seeds give equal bytes on every machine.</param>
    /// <exception cref="LapidaryException">The disk is full or the folder may not be written.</exception>
    public static void Write(string folder, long seed = 42)
    {
        RandomGemma.WriteAsset(folder, Tokenizer.FileName);
        RandomGemma.Write(folder, Config, seed);
    }
}
