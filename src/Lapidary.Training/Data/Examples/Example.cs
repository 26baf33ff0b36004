namespace Lapidary.Training;

/// <summary>One tokenized row.</summary>
/// <param name="InputIds">Token ids.</param>
/// <param name="Labels">Unshifted, as Hugging Face has them: the id itself where it is to be learned, else <see cref="Ignore"/>. The label
/// of position 0 is never trained, because nothing comes before it.</param>
public sealed record Example(int[] InputIds, int[] Labels)
{
    /// <summary>The label of a token that is not trained.</summary>
    public const int Ignore = -100;

    /// <summary>Tokens whose prediction is trained: labels after the first that are not <see cref="Ignore"/>.</summary>
    public int TrainedTokens => CountTrained(Labels);

    internal static int CountTrained(ReadOnlySpan<int> labels) => labels.IsEmpty ? 0 : labels.Length - 1 - labels[1..].Count(Ignore);
}
