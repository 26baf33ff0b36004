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

    /// <summary>Its gradient; null for a frozen one.</summary>
    public Tensor? Gradient => _trained?.Gradient;

    /// <summary>Puts a trained weight in its place, or takes it away (null).</summary>
    public void Attach(TrainedWeights? weights) => _trained = weights?.InPlaceOf(Name);

    /// <summary>A norm with the same weight and a place for another trained one.</summary>
    public NormLayer Share() => new(tensor, weight);
}
