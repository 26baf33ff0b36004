namespace Lapidary.Engine.Cuda.Launching;

/// <summary>The sizes at which one kernel replaces another. Tests change them to reach every kernel with small tensors.</summary>
internal sealed record KernelThresholds
{
    /// <summary>NVRTC's name of an architecture to compile for, instead of the device's; for trying the kernels of older cards, which the
    /// driver compiles further for this one.</summary>
    public string? Architecture { get; init; }

    /// <summary>Shared memory of a block, instead of the device's; for trying the kernels of smaller cards.</summary>
    public int? SharedBytes { get; init; }

    /// <summary>Shared memory of a block that attention assumes, instead of the device's; for testing the kernels of smaller
    /// cards.</summary>
    public int? AttentionSharedBytes { get; init; }

    /// <summary>Shared memory of a block that products of many rows assume, instead of the device's.</summary>
    public int? RowsSharedBytes { get; init; }

    /// <summary>From this many tokens on blocks of 64 of low_rank_down fill the device, and read the factors a quarter as often as those
    /// of 16.</summary>
    public int ManyTokens { get; init; } = 8192;

    /// <summary>Smallest number of tokens for a block of low_rank_up and low_rank_gradient.</summary>
    public int MinTokensPerBlock { get; init; } = 64;
}
