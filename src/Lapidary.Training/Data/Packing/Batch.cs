namespace Lapidary.Training.Data.Packing;

/// <summary>A micro-batch as the engine takes it: the documents of all its sequences one after the other, padded to a fixed number of
/// tokens. The arrays are reused by the <see cref="BatchBuilder"/> for later batches of the same size.</summary>
internal sealed class Batch
{
    public Batch(int tokens) =>
        (Ids, Labels, Positions, DocumentStarts) = (new int[tokens], new int[tokens], new int[tokens], new int[tokens]);

    /// <summary>Token ids, Int32 [tokens].</summary>
    public int[] Ids { get; }

    /// <summary>Shifted labels: the id that each token is to predict, within its document, or −100.</summary>
    public int[] Labels { get; }

    /// <summary>Position within the document, from 0.</summary>
    public int[] Positions { get; }

    /// <summary>Index in the batch of the first token of each token's document.</summary>
    public int[] DocumentStarts { get; }

    /// <summary>Tokens with padding: the length of every array.</summary>
    public int Tokens => Ids.Length;

    /// <summary>Tokens without padding.</summary>
    public int RealTokens { get; set; }

    /// <summary>Labels other than −100: what the loss is divided by, summed over the optimizer step.</summary>
    public int TrainedTokens { get; set; }
}
