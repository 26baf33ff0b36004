namespace Lapidary.Engine;

/// <summary>Constants of AdamW (arXiv:1711.05101) with torch's defaults.</summary>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="WeightDecay">Decoupled decay per unit of learning rate.</param>
/// <remarks>fp64: 1 − β₂ formed from an fp32 0.999 would be off by 1.3e-5, while the bias correction 1 − β₂ᵗ must match it.</remarks>
public sealed record AdamWOptions(double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8, double WeightDecay = 0)
{
    /// <summary>Whether an update with a gradient of this norm takes place. If it does, no element's square is larger than that of the
    /// norm, so both moments stay finite. The kernels compute the same product (ADR 0018).</summary>
    /// <param name="clippedNorm">The gradients' norm after clipping.</param>
    public static bool Takes(float clippedNorm) => float.IsFinite(clippedNorm * clippedNorm);
}
