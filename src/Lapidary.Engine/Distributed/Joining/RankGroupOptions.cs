using Lapidary.Engine.Distributed.Control;
using Lapidary.Engine.Distributed.Joining;

namespace Lapidary.Engine;

/// <summary>How ranks find each other and stay in touch.</summary>
public sealed record RankGroupOptions
{
    /// <summary>Which of the run's processes this one is. Default: what the environment says.</summary>
    public LaunchPlace? Place { get; init; }

    /// <summary>How long to wait at the start for all ranks, and for rank 0 to answer.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a rank may wait for another that neither comes nor says that it is busy.</summary>
    public TimeSpan WaitLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Called once, on a thread of its own, with one line that names the rank that is lost, or hangs, and its host. It should
    /// print the line and end the process by <see cref="RankGroups.Leave(int)"/>: the main thread may wait for the lost rank for ever.
    /// Default: that, with the line on standard error and exit code 1.</summary>
    public Action<string>? Lost { get; init; }

    /// <summary>Called with lines that the user may want to see at the start, on rank 0: the address that it listens at, and who was sent
    /// away.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>Environment variables; tests have their own.</summary>
    internal Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Makes the channel over which rank 0's address is told where no variable does.</summary>
    internal Func<LaunchPlace, IAddressBroadcast>? Broadcast { get; init; }

    /// <summary>Other limits.</summary>
    internal ControlTimes Times { get; init; } = new();

    /// <summary>Of Lapidary, which has to be the same on all ranks.</summary>
    internal string Version { get; init; } = RankGroups.OwnVersion;

    /// <summary>The name of this machine.</summary>
    internal string Host { get; init; } = Environment.MachineName;
}
