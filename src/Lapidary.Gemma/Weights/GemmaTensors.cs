using System.Collections.Immutable;

namespace Lapidary.Gemma;

/// <summary>A tensor that a model of some configuration must have.</summary>
/// <param name="Name">Canonical name, see <see cref="TensorNames"/>.</param> <param name="Shape">Sizes, outermost first.</param>
public sealed record GemmaTensor(string Name, ImmutableArray<long> Shape);

/// <summary>The tensors of a Gemma 3 decoder: names and shapes that follow from its configuration alone.</summary>
public static class GemmaTensors
{
    /// <summary>All tensors in the model's order; lm_head only when it is not tied to the embedding.</summary>
    public static IEnumerable<GemmaTensor> Of(GemmaConfig config)
    {
        long hidden = config.HiddenSize;
        yield return new(TensorNames.Embedding, [config.VocabSize, hidden]);
        for (int layer = 0; layer < config.NumHiddenLayers; layer++)
            foreach (var tensor in Layer(config, $"model.layers.{layer}.")) yield return tensor;
        yield return new("model.norm.weight", [hidden]);
        if (!config.TieWordEmbeddings) yield return new(TensorNames.Head, [config.VocabSize, hidden]);
    }

    private static IEnumerable<GemmaTensor> Layer(GemmaConfig config, string prefix)
    {
        long hidden = config.HiddenSize, intermediate = config.IntermediateSize, headDim = config.HeadDim;
        long queries = config.NumAttentionHeads * headDim, keys = config.NumKeyValueHeads * headDim;
        return
        [
            new(prefix + "self_attn.q_proj.weight", [queries, hidden]),
            new(prefix + "self_attn.k_proj.weight", [keys, hidden]),
            new(prefix + "self_attn.v_proj.weight", [keys, hidden]),
            new(prefix + "self_attn.o_proj.weight", [hidden, queries]),
            new(prefix + "self_attn.q_norm.weight", [headDim]),
            new(prefix + "self_attn.k_norm.weight", [headDim]),
            new(prefix + "mlp.gate_proj.weight", [intermediate, hidden]),
            new(prefix + "mlp.up_proj.weight", [intermediate, hidden]),
            new(prefix + "mlp.down_proj.weight", [hidden, intermediate]),
            new(prefix + "input_layernorm.weight", [hidden]),
            new(prefix + "post_attention_layernorm.weight", [hidden]),
            new(prefix + "pre_feedforward_layernorm.weight", [hidden]),
            new(prefix + "post_feedforward_layernorm.weight", [hidden]),
        ];
    }
}
