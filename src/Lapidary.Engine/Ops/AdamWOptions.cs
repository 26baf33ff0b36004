namespace Lapidary.Engine;

/// <summary>Constants of AdamW (arXiv:1711.05101), torch's defaults.</summary>
/// <param name="Beta1">Decay of the first moment.</param> <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param> <param name="WeightDecay">Decoupled decay per unit of learning rate.</param>
public sealed record AdamWOptions(float Beta1 = 0.9f, float Beta2 = 0.999f, float Epsilon = 1e-8f, float WeightDecay = 0f);
