namespace Lapidary.Engine;

/// <summary>Labels of <see cref="IOps.LinearCrossEntropy"/> that are not a token's id.</summary>
public static class Label
{
    /// <summary>The label of a token that is not trained: the default ignore_index of torch's cross_entropy, used by data prepared for
    /// Hugging Face.</summary>
    public const int None = -100;
}
