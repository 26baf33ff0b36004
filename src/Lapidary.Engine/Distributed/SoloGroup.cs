namespace Lapidary.Engine.Distributed;

/// <summary>A group of one, which never waits.</summary>
internal sealed class SoloGroup : RankGroup
{
    public override int Rank => 0;

    public override int WorldSize => 1;

    public override CancellationToken StopRequested => CancellationToken.None;

    public override string NameOf(int rank) => "rank 0";

    public override string HostOf(int rank) => Environment.MachineName;

    public override IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine) => [mine.ToArray()];

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
