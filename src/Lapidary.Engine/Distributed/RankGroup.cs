namespace Lapidary.Engine;

/// <summary>The ranks of a run as one of them sees it: how many there are, which it is, and what they tell each other on the host, beside
/// the tensors that an <see cref="ICommunicator"/> exchanges.</summary>
/// <remarks>Where a rank ends before the others are done, the others are told and end too: whoever waits for it would wait for
/// ever.</remarks>
public abstract class RankGroup : IDisposable
{
    /// <summary>The group of a run with one rank.</summary>
    public static RankGroup Solo { get; } = new Distributed.SoloGroup();

    /// <summary>From 0 to <see cref="WorldSize"/> − 1. Rank 0 leads: it alone writes files and logs.</summary>
    public abstract int Rank { get; }

    /// <summary>Number of ranks.</summary>
    public abstract int WorldSize { get; }

    /// <summary>Whether this is rank 0.</summary>
    public bool IsLeader => Rank == 0;

    /// <summary>Cancelled on all ranks, at slightly different moments, once one of them has asked for an end.</summary>
    public abstract CancellationToken StopRequested { get; }

    /// <summary>"rank 1 (node-b)": a rank and its host, for messages.</summary>
    public abstract string NameOf(int rank);

    /// <summary>Name of a rank's machine.</summary>
    public abstract string HostOf(int rank);

    /// <summary>How many of the ranks are on this rank's machine, itself among them.</summary>
    public int LocalSize => Enumerable.Range(0, WorldSize).Count(rank => HostOf(rank) == HostOf(Rank));

    /// <summary>What each rank gives, to every rank, in the ranks' order. Waits until all ranks have called.</summary>
    public abstract IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine);

    /// <summary>Asks all ranks to end as soon as they can do so together; see <see cref="StopRequested"/>.</summary>
    public abstract void RequestStop();

    /// <summary>Says what this rank does until the result is disposed. Meanwhile the others wait for it without a limit of time: it loads,
    /// saves or scores.</summary>
    public abstract IDisposable Busy(string what);

    /// <summary>Says that this rank waits for the others until the result is disposed. Where that takes longer than the group's limit of
    /// time, all ranks end.</summary>
    public abstract IDisposable Waiting(string what);

    /// <summary>Tells the others that this rank ends before the work is done, and why: they end too, with "rank 1 (node-b): message". A
    /// second message changes nothing.</summary>
    /// <param name="message">One line.</param>
    /// <returns>Whether this rank should say it to people: false where rank 0 ends with the same message, and so says it for
    /// both, and whoever started them shows what both say in one place.</returns>
    public abstract bool Fail(string message);

    /// <inheritdoc/>
    public abstract void Dispose();
}
