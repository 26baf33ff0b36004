using Lapidary.Engine;
using Lapidary.Gemma.Model;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma;

/// <summary>One projection of the decoder: frozen, with the LoRA adapter on it if any, or with a trained weight in place of the
/// base's.</summary>
public sealed class LinearLayer
{
    private readonly StoredMatrix _stored;
    private Parameter? _trained;

    /// <summary>Creates a layer over a weight.</summary>
    /// <param name="name">Hugging Face's module name, such as model.layers.0.self_attn.q_proj.</param>
    /// <param name="weight">[out, in]; NF4, fp32, bf16 or fp16.</param>
    public LinearLayer(string name, Tensor weight) : this(name, StoredMatrix.Of(weight))
    {
    }

    internal LinearLayer(string name, StoredMatrix stored) => (Name, _stored) = (name, stored);

    /// <summary>Hugging Face's module name.</summary>
    public string Name { get; }

    /// <summary>[out, in]: the weight in use, which is the trained one if all weights are trained.</summary>
    public Tensor Weight => _trained?.Value ?? _stored.OnBackend.Value;

    /// <summary>The base's weight.</summary>
    internal StoredMatrix Stored => _stored;

    /// <summary>[out, in].</summary>
    internal long[] Shape => _stored.Shape;

    /// <summary>The adapter, set by <see cref="GemmaModel.Attach"/>.</summary>
    public LoraAdapter? Adapter { get; private set; }

    /// <summary>y = x · Wᵀ, plus the adapter's update, for a norm that adds it to the residual stream; see
    /// <see cref="Ops.ProjectToResidual"/>.</summary>
    public Tensor Forward(Tape tape, Tensor x) => Forward(tape, x, adapters: null);

    /// <summary>The same with adapters for single rows, in place of the layer's own unless they are null.</summary>
    internal Tensor Forward(Tape tape, Tensor x, StepAdapters? adapters) => Ops.ProjectToResidual(tape, x, With(adapters));

    /// <summary>Activations of several layers with one input, which a backend computes together.</summary>
    internal static Tensor[] Forward(Tape tape, Tensor x, StepAdapters? adapters, params LinearLayer[] layers) =>
        Ops.Project(tape, x, [.. layers.Select(layer => layer.With(adapters))]);

    /// <summary>gelu_tanh of the gate's output · the other's, for a next layer.</summary>
    internal static Tensor ForwardGated(
        Tape tape, Tensor x, StepAdapters? adapters, LinearLayer gate, LinearLayer up, LinearLayer next) =>
        Ops.ProjectGated(tape, x, gate.With(adapters), up.With(adapters), next.Weight);

    /// <summary>Uses trained weights from now on, or the base's alone (null).</summary>
    internal void Attach(TrainedWeights? weights) =>
        (Adapter, _trained) = (weights?.AdapterOf(Name), weights?.InPlaceOf(Name + TensorNames.WeightSuffix));

    /// <summary>A layer with the same weight and places for other trained ones.</summary>
    internal LinearLayer Share() => new(Name, _stored);

    private Projection With(StepAdapters? adapters) => adapters is null
        ? new Projection(Weight, Adapter) { WeightGradient = _trained?.Gradient }
        : new Projection(Weight, Adapter: null) { RowAdapters = adapters.Of(Name) };
}
