namespace Lapidary.Engine.Distributed;

/// <summary>The ranks of a run that is only planned. They exchange nothing.</summary>
internal sealed class CountedGroup(int rank, int worldSize) : RankGroup
{
    public override int Rank => rank;

    public override int WorldSize => worldSize;

    public override CancellationToken StopRequested => CancellationToken.None;

    public override string NameOf(int rank) => $"rank {rank}";

    public override string HostOf(int rank) => Environment.MachineName;

    public override IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine) =>
        throw new InvalidOperationException("The ranks of a plan exchange nothing.");

    public override void RequestStop()
    {
    }

    public override IDisposable Busy(string what) => Nothing.ToDispose;

    public override IDisposable Waiting(string what) => Nothing.ToDispose;

    public override bool Fail(string message) => true;

    public override void Dispose()
    {
    }
}
