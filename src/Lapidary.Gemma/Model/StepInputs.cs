using Lapidary.Engine;

namespace Lapidary.Gemma;

/// <summary>The inputs of a step: a sequence of documents.</summary>
/// <param name="Ids">Int32 [tokens].</param>
/// <param name="Positions">Int32 [tokens], restarting at 0 in every document.</param>
/// <param name="DocumentStarts">Int32 [tokens]: index of the first token of each token's document.</param>
public sealed record StepInputs(Tensor Ids, Tensor Positions, Tensor DocumentStarts)
{
    /// <summary>Allocates inputs of a fixed number of tokens.</summary>
    public static StepInputs Allocate(MemoryRegion region, int tokens) => new(
        region.New("input_ids", DType.Int32, tokens),
        region.New("position_ids", DType.Int32, tokens),
        region.New("document_starts", DType.Int32, tokens));

    /// <summary>Number of tokens.</summary>
    public int Tokens => checked((int)Ids.Count);
}
