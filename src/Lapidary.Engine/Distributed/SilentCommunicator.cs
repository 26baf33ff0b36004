using Lapidary.Engine.Distributed;

namespace Lapidary.Engine;

/// <summary>Exchanges nothing. For a single rank, and for runs whose memory is only counted.</summary>
public sealed class SilentCommunicator : ICommunicator
{
    /// <summary>The communicator of a run with one rank.</summary>
    public static SilentCommunicator Solo { get; } = new(RankGroup.Solo);

    private SilentCommunicator(RankGroup ranks) => Ranks = ranks;

    /// <inheritdoc/>
    public RankGroup Ranks { get; }

    /// <inheritdoc/>
    public string Description => "one rank";

    /// <summary>A rank of a run whose memory is only counted.</summary>
    /// <param name="worldSize">Number of ranks.</param>
    /// <param name="rank">Number of the rank.</param>
    public static SilentCommunicator ToCount(int worldSize, int rank = 0) => new(new CountedGroup(rank, worldSize));

    /// <inheritdoc/>
    public void AllReduce(Tensor tensor)
    {
    }

    /// <inheritdoc/>
    public void ReduceScatter(Tensor tensor)
    {
    }

    /// <inheritdoc/>
    public void AllGather(Tensor tensor)
    {
    }

    /// <inheritdoc/>
    public void Broadcast(Tensor tensor, int root)
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
