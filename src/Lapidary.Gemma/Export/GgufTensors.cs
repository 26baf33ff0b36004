using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Gguf;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Export;

/// <summary>A model's weights under the names, types and values of llama.cpp's Gemma 3. Its norms multiply by the weight itself, where
/// Gemma's multiply by 1 + weight. Matrices are not transposed.</summary>
/// <param name="config">The model.</param>
/// <param name="checkpoint">Its weights.</param>
/// <param name="type">Type of the matrices.</param>
/// <param name="tokens">Rows of the embedding to keep.</param>
internal sealed class GgufTensors(GemmaConfig config, Checkpoint checkpoint, GgufType type, int tokens)
{
    /// <summary>The number of layers at which llama.cpp scales scores by hidden_size / heads, as the published 27B does.</summary>
    private const int LayersOf27B = 62;

    // post_attention_layernorm follows attention in Gemma; in Llama, the name means the norm before the MLP.
    private static readonly Dictionary<string, string> LayerNames = new(StringComparer.Ordinal)
    {
        ["input_layernorm"] = "attn_norm",
        ["self_attn.q_proj"] = "attn_q",
        ["self_attn.k_proj"] = "attn_k",
        ["self_attn.v_proj"] = "attn_v",
        ["self_attn.o_proj"] = "attn_output",
        ["self_attn.q_norm"] = "attn_q_norm",
        ["self_attn.k_norm"] = "attn_k_norm",
        ["post_attention_layernorm"] = "post_attention_norm",
        ["pre_feedforward_layernorm"] = "ffn_norm",
        ["mlp.gate_proj"] = "ffn_gate",
        ["mlp.up_proj"] = "ffn_up",
        ["mlp.down_proj"] = "ffn_down",
        ["post_feedforward_layernorm"] = "post_ffw_norm",
    };

    private readonly Dictionary<string, string> _stored = Stored(checkpoint);

    /// <summary>Number of weights.</summary>
    public long Parameters => All.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>All tensors in the model's order.</summary>
    /// <exception cref="LapidaryException">One is missing or of another shape or type.</exception>
    public IReadOnlyList<GgufTensor> All => field ??= [.. GemmaTensors.Of(config).Select(Tensor)];

    private GgufTensor Tensor(GemmaTensor wanted)
    {
        if (!_stored.TryGetValue(wanted.Name, out string? stored)) stored = wanted.Name; // whose absence the checkpoint reports
        var source = checkpoint.Get(stored);
        if (!source.DType.IsFloatingPoint() || !source.Shape.SequenceEqual(wanted.Shape.AsSpan()))
        {
            throw new LapidaryException(
                $"{checkpoint.Folder}: tensor {stored}: expected floats of shape [{string.Join(", ", wanted.Shape)}], found {source.DType} "
                + $"[{string.Join(", ", source.Shape.ToArray())}]; check that config.json and the weights belong together.");
        }

        bool isOfTokens = wanted.Name is TensorNames.Embedding or TensorNames.Head;
        if (isOfTokens) source = source.Rows(0, tokens);
        string name = NameOf(wanted.Name);
        if (source.Shape.Length == 1)
        {
            float factor = name.EndsWith("attn_q_norm.weight", StringComparison.Ordinal) ? QueryFactor : 1;
            return new(name, GgmlType.F32, [.. source.Shape], stream => GgufValues.WriteNorm(source, factor, checkpoint, stream));
        }

        var output = TypeOf(source.Shape[^1], isOfTokens);
        return new(name, output, [.. source.Shape], stream => GgufValues.WriteMatrix(source, output, checkpoint, stream));
    }

    /// <summary>What q_norm is multiplied by, because no key says query_pre_attn_scalar: llama.cpp scales by the head's size.</summary>
    private float QueryFactor
    {
        get
        {
            double scalar = config.NumHiddenLayers == LayersOf27B ? (double)config.HiddenSize / config.NumAttentionHeads : config.HeadDim;
            return (float)Math.Sqrt(scalar / config.QueryPreAttnScalar);
        }
    }

    /// <summary>Rows that are no whole blocks stay exact.</summary>
    private GgmlType TypeOf(long columns, bool isOfTokens) => type switch
    {
        GgufType.F16 => GgmlType.F16,
        GgufType.Bf16 => GgmlType.Bf16,
        GgufType.Q8_0 or GgufType.Q4_0 when columns % GgmlBlocks.Size != 0 => GgmlType.F32,
        GgufType.Q8_0 => GgmlType.Q8_0,
        GgufType.Q4_0 => isOfTokens ? GgmlType.Q8_0 : GgmlType.Q4_0,
        _ => GgmlType.F32,
    };

    private static string NameOf(string name)
    {
        string module = name[..^TensorNames.WeightSuffix.Length];
        if (!module.StartsWith(TensorNames.Layers, StringComparison.Ordinal))
        {
            return name switch
            {
                TensorNames.Embedding => "token_embd.weight",
                TensorNames.Head => "output.weight",
                _ => "output_norm.weight",
            };
        }

        string[] parts = module[TensorNames.Layers.Length..].Split('.', 2);
        return $"blk.{parts[0]}.{LayerNames[parts[1]]}.weight";
    }

    private static Dictionary<string, string> Stored(Checkpoint checkpoint)
    {
        var stored = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in checkpoint.Entries)
            if (TensorNames.TryNormalize(entry.Name, out string? name)) stored.TryAdd(name, entry.Name);
        return stored;
    }
}
