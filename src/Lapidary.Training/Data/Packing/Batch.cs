namespace Lapidary.Training.Data.Packing;

/// <summary>A micro-batch in the form of the engine: the documents of all its sequences one after the other, padded to a fixed number of
/// tokens. The <see cref="BatchBuilder"/> reuses the arrays for later batches of the same size.</summary>
internal sealed class Batch
{
    public Batch(int tokens) =>
        (Ids, Labels, Positions, DocumentStarts) = (new int[tokens], new int[tokens], new int[tokens], new int[tokens]);

    /// <summary>Token ids, Int32 [tokens].</summary>
    public int[] Ids { get; }

    /// <summary>Shifted labels: the id that each token predicts within its document, or −100.</summary>
    public int[] Labels { get; }

    /// <summary>Position within the document, from 0.</summary>
    public int[] Positions { get; }

    /// <summary>Index in the batch of the first token of each token's document.</summary>
    public int[] DocumentStarts { get; }

    /// <summary>Tokens including padding: the length of every array.</summary>
    public int Tokens => Ids.Length;

    /// <summary>Tokens without padding.</summary>
    public int RealTokens { get; set; }

    /// <summary>Number of labels other than −100. The loss is divided by their sum over the optimizer step.</summary>
    public int TrainedTokens { get; set; }
}
