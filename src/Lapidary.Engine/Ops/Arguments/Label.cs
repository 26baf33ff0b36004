namespace Lapidary.Engine;

/// <summary>What a label of <see cref="IOps.LinearCrossEntropy"/> can be beside a token's id.</summary>
public static class Label
{
    /// <summary>The label of a token whose prediction is not trained: the default ignore_index of torch's cross_entropy, which data
    /// prepared for Hugging Face holds.</summary>
    public const int None = -100;
}
