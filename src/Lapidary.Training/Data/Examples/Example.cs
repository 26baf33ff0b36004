using Lapidary.Engine;

namespace Lapidary.Training.Data.Examples;

/// <summary>A row as tokens, with its labels.</summary>
/// <param name="InputIds">Token ids.</param>
/// <param name="Labels">Unshifted, as in Hugging Face: the id itself if it is trained, else <see cref="Label.None"/>. The label of position
/// 0 is never trained, because no token comes before it.</param>
internal sealed record Example(int[] InputIds, int[] Labels)
{
    /// <summary>Tokens whose prediction is trained: labels after the first that are not <see cref="Label.None"/>.</summary>
    public int TrainedTokens => CountTrained(Labels);

    /// <summary>The same count for labels outside an example.</summary>
    public static int CountTrained(ReadOnlySpan<int> labels) => labels.IsEmpty ? 0 : labels.Length - 1 - labels[1..].Count(Label.None);
}
