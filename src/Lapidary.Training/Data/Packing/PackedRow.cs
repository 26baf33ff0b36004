namespace Lapidary.Training;

/// <summary>A document within a row: an example, or a piece of one. Documents never see each other.</summary>
/// <param name="Example">The example's number.</param> <param name="Ids">Its ids.</param> <param name="Labels">Its labels,
/// unshifted.</param>
public readonly record struct PackedDocument(int Example, ReadOnlyMemory<int> Ids, ReadOnlyMemory<int> Labels);

/// <summary>A row for training: one document, or several that share it.</summary>
public sealed class PackedRow
{
    /// <summary>Puts documents into a row.</summary>
    public PackedRow(IReadOnlyList<PackedDocument> documents)
    {
        Documents = documents;
        foreach (var document in documents)
        {
            Tokens += document.Ids.Length;
            TrainedTokens += Example.CountTrained(document.Labels.Span);
        }
    }

    /// <summary>The documents in order.</summary>
    public IReadOnlyList<PackedDocument> Documents { get; }

    /// <summary>Tokens of all documents.</summary>
    public int Tokens { get; }

    /// <summary>Tokens whose prediction is trained: labels other than −100, each document's first left out.</summary>
    public int TrainedTokens { get; }
}
