using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Data.Packing;

/// <summary>A document within a sequence: an example, or a piece of one. Documents never see each other.</summary>
/// <param name="Example">The example's number.</param> <param name="Ids">Its ids.</param> <param name="Labels">Its labels,
/// unshifted.</param>
internal readonly record struct Document(int Example, ReadOnlyMemory<int> Ids, ReadOnlyMemory<int> Labels);

/// <summary>A sequence for training, a row of a batch: one document, or several that share it.</summary>
internal sealed class PackedSequence
{
    /// <summary>Puts documents into a sequence.</summary>
    public PackedSequence(IReadOnlyList<Document> documents)
    {
        Documents = documents;
        foreach (var document in documents)
        {
            Tokens += document.Ids.Length;
            TrainedTokens += Example.CountTrained(document.Labels.Span);
        }
    }

    /// <summary>The documents in order.</summary>
    public IReadOnlyList<Document> Documents { get; }

    /// <summary>Tokens of all documents.</summary>
    public int Tokens { get; }

    /// <summary>Tokens whose prediction is trained: labels other than −100, each document's first left out.</summary>
    public int TrainedTokens { get; }
}
