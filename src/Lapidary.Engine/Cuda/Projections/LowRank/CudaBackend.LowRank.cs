namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    // As low_rank.cuh has them: slices that a launch takes, and ranks of a slice.
    private const int MaxSlices = 8;
    private const int SliceRanks = 16;

    /// <summary>Tokens that a block of low_rank_up and low_rank_gradient takes at least.</summary>
    internal int LeastTokens { get; init; } = 64;

    /// <summary>Tokens of a block where there are to be about <paramref name="blocks"/> and not more: equal shares of whole
    /// tiles.</summary>
    private int TokensPerBlock(int tokens, int blocks, int tile) => Tiles(Math.Max(Tiles(tokens, Math.Max(blocks, 1)), LeastTokens), tile) * tile;

    private static int Rank(LoraAdapter adapter) => Rows(adapter.A.Value).Rows;

    private static Dropout? Active(Dropout? dropout) => dropout is { Probability: > 0 } ? dropout : null;

    /// <summary>Factor of the elements that dropout keeps.</summary>
    private static float Kept(Dropout? dropout) => dropout is null ? 1 : 1 / (1 - dropout.Probability);

    /// <summary>A mask as the kernels take it: no element is dropped where the threshold is 0. Slices of one adapter are told by their
    /// stream.</summary>
    private static (nint Seed, int Stream, uint Threshold) MaskOf(Dropout? dropout, int projection) =>
        Active(dropout) is { } active ? (active.Seed.Address, active.Stream, active.Threshold) : (0, -1 - projection, 0);
}
