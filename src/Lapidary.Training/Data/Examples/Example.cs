using Lapidary.Engine;

namespace Lapidary.Training.Data.Examples;

/// <summary>A row in tokens, with what is to be learned of it.</summary>
/// <param name="InputIds">Token ids.</param>
/// <param name="Labels">Unshifted, as Hugging Face has them: the id itself where it is to be learned, else <see cref="Label.None"/>. The
/// label of position 0 is never trained, because nothing comes before it.</param>
internal sealed record Example(int[] InputIds, int[] Labels)
{
    /// <summary>Tokens whose prediction is trained: labels after the first that are not <see cref="Label.None"/>.</summary>
    public int TrainedTokens => CountTrained(Labels);

    /// <summary>The same of labels that are no example of their own.</summary>
    public static int CountTrained(ReadOnlySpan<int> labels) => labels.IsEmpty ? 0 : labels.Length - 1 - labels[1..].Count(Label.None);
}
