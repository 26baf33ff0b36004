using Lapidary.Engine.Distributed.Control;
using Lapidary.Engine.Distributed.Joining;

namespace Lapidary.Engine;

/// <summary>How ranks find each other and stay in touch.</summary>
public sealed record RankGroupOptions
{
    /// <summary>This process's place among the processes of the run. Default: taken from environment variables.</summary>
    public LaunchPlace? Place { get; init; }

    /// <summary>How long to wait at the start for all ranks, and for rank 0 to answer.</summary>
    public TimeSpan StartLimit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a rank may wait for another that neither arrives nor reports that it is busy.</summary>
    public TimeSpan WaitLimit { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Called once, on a separate thread, with one line that names a lost or hanging rank and its host. It should print the line
    /// and end the process with <see cref="RankGroups.Leave(int)"/>, because the main thread may wait for the lost rank forever. The
    /// default does that, with the line on standard error and exit code 1.</summary>
    public Action<string>? Lost { get; init; }

    /// <summary>Called on rank 0 at the start, with lines for the user: the address on which it listens, and processes that it
    /// refused.</summary>
    public Action<string>? Note { get; init; }

    /// <summary>Environment variables; tests have their own.</summary>
    internal Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Creates the channel for rank 0's address if no variable has it.</summary>
    internal Func<LaunchPlace, IAddressBroadcast>? Broadcast { get; init; }

    /// <summary>Other limits.</summary>
    internal ControlTimes Times { get; init; } = new();

    /// <summary>Version of Lapidary; must be the same on all ranks.</summary>
    internal string Version { get; init; } = RankGroups.OwnVersion;

    /// <summary>The name of this machine.</summary>
    internal string Host { get; init; } = Environment.MachineName;
}
