using Lapidary.Engine;

namespace Lapidary.Cli.Ranks;

/// <summary>A rank of this process.</summary>
/// <param name="Group">The ranks of the run, as this one sees them.</param> <param name="Gpu">Ordinal of its GPU, null for the CPU.</param>
/// <param name="Threads">Threads of the CPU.</param>
internal sealed record LocalRank(RankGroup Group, int? Gpu, int Threads)
{
    /// <summary>Whether this rank tells people how the work goes.</summary>
    public bool IsLeader => Group.IsLeader;

    /// <summary>"cuda:1" or "cpu".</summary>
    public string Device => Gpu is { } ordinal ? $"cuda:{ordinal}" : "cpu";

    /// <summary>Opens the rank's device.</summary>
    /// <exception cref="Formats.LapidaryException">It is not here, or cannot be used.</exception>
    public IBackend CreateBackend() => Gpu is { } ordinal ? new CudaBackend(ordinal) : new CpuBackend(Threads);
}
