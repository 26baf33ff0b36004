using Lapidary.Engine.Distributed;
using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Distributed;

public sealed class ThreadCommunicatorTests
{
    public static TheoryData<string, int> Cases =>
        [.. from name in CollectiveBodies.Names from ranks in (int[])[1, 2, 3, 4] select (name, ranks)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void OfThreads(string body, int ranks)
    {
        var groups = ThreadGroup.Create(ranks);
        var failures = new Exception?[ranks];
        Thread[] threads = [.. groups.Select(group => new Thread(() => failures[group.Rank] = Failure(group, body)))];
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        Assert.All(failures.Where(failure => failure is not LapidaryException), Assert.Null);
    }

    private static Exception? Failure(ThreadGroup group, string body)
    {
        try
        {
            using var backend = new CpuBackend(threads: 1);
            using var communicator = new ThreadCommunicator(group);
            new CollectiveBodies(communicator, backend, inRankOrder: true).Run(body);
            return null;
        }
        catch (Exception failure)
        {
            group.Fail("gone");
            return failure;
        }
    }
}
