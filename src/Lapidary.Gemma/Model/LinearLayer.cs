using Lapidary.Engine;

namespace Lapidary.Gemma;

/// <summary>One frozen projection of the decoder and the LoRA adapter on it, if any.</summary>
/// <param name="name">Hugging Face's module name, such as model.layers.0.self_attn.q_proj.</param>
/// <param name="weight">[out, in]; NF4, fp32, bf16 or fp16.</param>
public sealed class LinearLayer(string name, Tensor weight)
{
    /// <summary>Hugging Face's module name.</summary>
    public string Name { get; } = name;

    /// <summary>[out, in].</summary>
    public Tensor Weight { get; } = weight;

    /// <summary>The adapter, set by <see cref="GemmaModel.Attach"/>.</summary>
    public LoraAdapter? Adapter { get; internal set; }

    /// <summary>y = x · Wᵀ, plus the adapter's update.</summary>
    public Tensor Forward(Tape tape, Tensor x) => Ops.Project(tape, x, new Projection(Weight, Adapter))[0];

    /// <summary>The same for several layers with one input, which a backend computes together.</summary>
    internal static Tensor[] Forward(Tape tape, Tensor x, params LinearLayer[] layers) =>
        Ops.Project(tape, x, [.. layers.Select(layer => new Projection(layer.Weight, layer.Adapter))]);

    /// <summary>gelu_tanh of the gate's output · the other's.</summary>
    internal static Tensor ForwardGated(Tape tape, Tensor x, LinearLayer gate, LinearLayer up) =>
        Ops.ProjectGated(tape, x, new Projection(gate.Weight, gate.Adapter), new Projection(up.Weight, up.Adapter));
}
