using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.LowRank;

/// <summary>Adapters in the form of the low-rank kernels: slices of a few ranks, each with its mask.</summary>
internal static class RankSlices
{
    /// <summary>Slices that a launch takes, as low_rank.cuh has it.</summary>
    public const int MaxSlices = 8;

    /// <summary>Ranks of a slice, as low_rank.cuh has it.</summary>
    public const int SliceRanks = 16;

    /// <summary>Tokens of a block, for about <paramref name="blocks"/> blocks and not more: equal shares of whole tiles.</summary>
    public static int TokensPerBlock(int tokens, int blocks, int tile, int minTokens) =>
        Tiles(Math.Max(Tiles(tokens, Math.Max(blocks, 1)), minTokens), tile) * tile;

    /// <summary>A dropout that drops something.</summary>
    public static Dropout? Active(Dropout? dropout) => dropout is { Probability: > 0 } ? dropout : null;

    /// <summary>Factor of the elements that dropout keeps.</summary>
    public static float KeptScale(Dropout? dropout) => dropout is null ? 1 : 1 / (1 - dropout.Probability);

    /// <summary>A mask in the form of the kernels. A threshold of 0 drops nothing. The stream identifies the slices of one
    /// adapter.</summary>
    public static (nint Seed, int Stream, uint Threshold) MaskOf(Dropout? dropout, int projection) =>
        Active(dropout) is { } active ? (active.Seed.Address, active.Stream, active.Threshold) : (0, -1 - projection, 0);
}
