using Lapidary.Engine;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>The weight of an RMS norm: the base's, or a trained one in its place.</summary>
/// <param name="tensor">Its canonical name.</param>
/// <param name="weight">fp32 [dim], of the base.</param>
internal sealed class NormLayer(GemmaTensor tensor, Tensor weight)
{
    private Parameter? _trained;

    /// <summary>Canonical name of the weight.</summary>
    public string Name => tensor.Name;

    /// <summary>The base's weight.</summary>
    public Tensor Stored => weight;

    /// <summary>fp32 [dim]: the weight in use.</summary>
    public Tensor Weight => _trained?.Value ?? weight;

    private Tensor? Gradient => _trained?.Gradient;

    /// <summary>The norm of x, plus a residual if given, for the next product if its weight is known; see
    /// <see cref="Ops.RmsNorm"/>.</summary>
    public Tensor Forward(Tape tape, Tensor x, float epsilon, Tensor? residual = null, Tensor? product = null) =>
        Ops.RmsNorm(tape, x, Weight, epsilon, residual, Gradient, product);

    /// <summary>The norm of x plus a residual, and the next norm of the sum, for the next product; see
    /// <see cref="Ops.RmsNormPair"/>.</summary>
    public (Tensor Sum, Tensor Next) ForwardPair(
        Tape tape, Tensor x, Tensor residual, NormLayer next, float epsilon, Tensor? product) =>
        Ops.RmsNormPair(tape, x, Weight, residual, next.Weight, epsilon, Gradient, next.Gradient, product);

    /// <summary>The norm of queries or keys and their rotation; see <see cref="Ops.QkNormRope"/>.</summary>
    public Tensor ForwardRope(Tape tape, Tensor x, RotaryTable rope, float epsilon) =>
        Ops.QkNormRope(tape, x, Weight, rope, epsilon, Gradient);

    /// <summary>Puts a trained weight in its place, or takes it away (null).</summary>
    public void Attach(TrainedWeights? weights) => _trained = weights?.InPlaceOf(Name);

    /// <summary>A norm with the same weight and a place for another trained one.</summary>
    public NormLayer Share() => new(tensor, weight);
}
