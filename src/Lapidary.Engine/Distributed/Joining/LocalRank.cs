using System.Text;

namespace Lapidary.Engine;

/// <summary>A rank of this process, and its device.</summary>
/// <param name="Group">The ranks of the run, as this one sees them.</param>
/// <param name="Gpu">Ordinal of its GPU, null for the CPU.</param>
/// <param name="Threads">Threads of the CPU; 0 for one per core.</param>
public sealed record LocalRank(RankGroup Group, int? Gpu, int Threads)
{
    /// <summary>Whether this rank writes the files and prints progress.</summary>
    public bool IsLeader => Group.IsLeader;

    /// <summary>"cuda:1" or "cpu".</summary>
    public string Device => Gpu is { } ordinal ? $"cuda:{ordinal}" : "cpu";

    /// <summary>Opens the rank's device; the caller disposes of it, after its communicator.</summary>
    /// <param name="options">How a GPU computes; null for its own choice. All ranks must be given the same.</param>
    /// <exception cref="Formats.LapidaryException">The device does not exist, or cannot be used.</exception>
    public IBackend CreateBackend(CudaOptions? options = null) =>
        Gpu is { } ordinal ? new CudaBackend(ordinal, options) : new CpuBackend(Threads);

    /// <summary>Threads of a rank on the CPU: the cores that its process may use, shared with the ranks whose processes may use the
    /// same.</summary>
    /// <param name="ranks">The ranks, all of which call this.</param>
    /// <param name="given">The user's choice, or 0.</param>
    internal static int ThreadsOf(RankGroup ranks, int given)
    {
        int cores = Environment.ProcessorCount;
        string mine = $"{ranks.HostOf(ranks.Rank)} {AllowedCores()}";
        int sharing = ranks.Gather(Encoding.UTF8.GetBytes(mine)).Count(other => Encoding.UTF8.GetString(other) == mine);
        return given > 0 ? given : Math.Max(1, cores / sharing);
    }

    /// <summary>The cores that this process may use, as the system reports them. Launchers bind their processes to some.</summary>
    private static string AllowedCores()
    {
        const string Status = "/proc/self/status", Allowed = "Cpus_allowed_list:";
        return File.Exists(Status)
            ? File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(Allowed, StringComparison.Ordinal)) ?? ""
            : "";
    }
}
