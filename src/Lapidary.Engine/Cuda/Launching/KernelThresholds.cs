namespace Lapidary.Engine.Cuda.Launching;

/// <summary>Where one kernel takes over from another, as far as tests set it: they reach every kernel with small tensors.</summary>
internal sealed record KernelThresholds
{
    /// <summary>Shared memory of a block that attention takes for granted, where it is not what the device has: for the kernels of cards
    /// that have less.</summary>
    public int? AttentionSharedBytes { get; init; }

    /// <summary>From this many tokens on blocks of 64 of low_rank_down fill the device, and read the factors a quarter as often as those
    /// of 16.</summary>
    public int ManyTokens { get; init; } = 8192;

    /// <summary>Tokens that a block of low_rank_up and low_rank_gradient takes at least.</summary>
    public int MinTokensPerBlock { get; init; } = 64;
}
