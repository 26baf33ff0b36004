namespace Lapidary.Engine;

/// <summary>The ranks of a run, seen from one of them: its rank, their number, and the messages between them on the host. An
/// <see cref="ICommunicator"/> exchanges their tensors.</summary>
/// <remarks>If a rank ends before the others are done, the others are informed and end too; they would otherwise wait for it
/// forever.</remarks>
public abstract class RankGroup : IDisposable
{
    /// <summary>The group of a run with one rank.</summary>
    public static RankGroup Solo { get; } = new Distributed.SoloGroup();

    /// <summary>From 0 to <see cref="WorldSize"/> − 1. Rank 0 is the leader: only it writes files and logs.</summary>
    public abstract int Rank { get; }

    /// <summary>Number of ranks.</summary>
    public abstract int WorldSize { get; }

    /// <summary>Whether this is rank 0.</summary>
    public bool IsLeader => Rank == 0;

    /// <summary>Cancelled on all ranks, at slightly different times, after one of them called <see cref="RequestStop"/>.</summary>
    public abstract CancellationToken StopRequested { get; }

    /// <summary>"rank 1 (node-b)": a rank and its host, for messages.</summary>
    public abstract string NameOf(int rank);

    /// <summary>Name of a rank's machine.</summary>
    public abstract string HostOf(int rank);

    /// <summary>Number of ranks on this rank's machine, including this one.</summary>
    public int LocalSize => Enumerable.Range(0, WorldSize).Count(rank => HostOf(rank) == HostOf(Rank));

    /// <summary>Returns the bytes of every rank, in the order of ranks. Waits until all ranks have called.</summary>
    public abstract IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine);

    /// <summary>Asks all ranks to end as soon as they can do so together; see <see cref="StopRequested"/>.</summary>
    public abstract void RequestStop();

    /// <summary>Reports that this rank loads, saves or scores, until the result is disposed. Meanwhile the others wait for it without a
    /// time limit.</summary>
    public abstract IDisposable Busy(string what);

    /// <summary>Reports that this rank waits for the others, until the result is disposed. If that takes longer than the group's time
    /// limit, all ranks end.</summary>
    public abstract IDisposable Waiting(string what);

    /// <summary>Reports to the others that this rank ends early, and why. They end too, with "rank 1 (node-b): message". A second call has
    /// no effect.</summary>
    /// <param name="message">One line.</param>
    /// <returns>Whether this rank should print the message. False if rank 0 ends with the same message and prints it, and the launcher
    /// shows the output of both in one place.</returns>
    public abstract bool Fail(string message);

    /// <inheritdoc/>
    public abstract void Dispose();
}
