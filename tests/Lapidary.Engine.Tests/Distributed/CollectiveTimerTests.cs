using Lapidary.Engine.Distributed;

namespace Lapidary.Engine.Tests.Distributed;

public class CollectiveTimerTests
{
    [Theory]
    [InlineData(Collective.AllReduce, 2, 1.0)]
    [InlineData(Collective.AllReduce, 4, 1.5)]
    [InlineData(Collective.ReduceScatter, 2, 0.5)]
    [InlineData(Collective.AllGather, 8, 0.875)]
    [InlineData(Collective.AllReduce, 1, 0)]
    public void BusFactor_IsThatOfNcclTests(Collective collective, int worldSize, double expected) =>
        Assert.Equal(expected, CollectiveTimer.BusFactor(collective, worldSize));

    [Theory]
    [InlineData(Collective.AllReduce)]
    [InlineData(Collective.ReduceScatter)]
    [InlineData(Collective.AllGather)]
    public async Task Time_IsTheSameOnAllRanks(Collective collective)
    {
        const int WorldSize = 3;
        var groups = ThreadGroup.Create(WorldSize);
        var times = await Task.WhenAll(groups.Select(group => Task.Factory.StartNew(
            () =>
            {
                using var backend = new CpuBackend(threads: 1);
                using var communicator = new ThreadCommunicator(group);
                return new CollectiveTimer(communicator, backend, TimeProvider.System).Time(collective, lengthBytes: 1000);
            },
            TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        var first = times[0];
        Assert.All(times, time => Assert.Equal(first, time));
        Assert.Equal(1008, first.LengthBytes); // 252 elements, 84 a part
        Assert.True(first.Seconds > 0);
        double expected = CollectiveTimer.BusFactor(collective, WorldSize) * first.LengthBytes / first.Seconds;
        Assert.Equal(expected, first.BusBytesPerSecond);
    }
}
