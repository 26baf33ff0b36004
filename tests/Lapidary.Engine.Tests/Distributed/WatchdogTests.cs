using Lapidary.Engine.Distributed;
using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Distributed;

public class WatchdogTests
{
    /// <summary>C computes, B is busy, W waits, G is gone; since that many seconds. The limit is 600 s, for those that are gone
    /// 20 s.</summary>
    [Theory]
    [InlineData("W700 C700", "r0 waits since 700 s for it, to which r1 did not come within 600 s.")]
    [InlineData("W700 C700 B5 W650 C601", "r0 waits since 700 s for it, to which r1, r4 did not come within 600 s.")]
    [InlineData("W700 C3", null)] // it was busy until just now
    [InlineData("W500 C700", null)] // nobody waits for it so long
    [InlineData("W9000 B9000", null)]
    [InlineData("W9000 B9000 W9000", null)]
    [InlineData("W700 W650", "r0 waits since 700 s for it, and all others wait too: the exchange between them hangs.")]
    [InlineData("W700 W5", null)] // the others go on
    [InlineData("W25 G30 W1", "r0 waits since 25 s for it, but r1 has ended.")]
    [InlineData("W15 G300", null)]
    [InlineData("W300 G300 B300", null)] // rank 2 saves, and rank 1 did not wait for that
    [InlineData("C9000 C9000", null)]
    [InlineData("C9000 G9000", null)]
    [InlineData("W-1 C0", null)] // which began to wait after the time of the look
    [InlineData("W-1 W-2 G0", null)]
    public void Waits_AreInVain_OrNot(string states, string? expected)
    {
        const long Now = 100_000_000;
        var all = states.Split(' ').Select(state => new RankState(
            state[0] switch
            {
                'C' => ActivityKind.Computing,
                'B' => ActivityKind.Busy,
                'W' => ActivityKind.Waiting,
                _ => ActivityKind.Gone,
            },
            Now - (1000 * long.Parse(state[1..])), "it")).ToArray();
        string? line = Watchdog.Look(all, rank => $"r{rank}", TimeSpan.FromSeconds(600), TimeSpan.FromSeconds(20), Now);
        if (expected is null) Assert.Null(line);
        else Assert.StartsWith(expected, line);
    }

    [Fact]
    public void ManyRanks_AreCounted()
    {
        Assert.Equal("rank 3", Watchdog.Ranks([3]));
        Assert.Equal("ranks 1, 2, 3, 4, 5, 6, 7, 8 and 55 others", Watchdog.Ranks(Enumerable.Range(1, 63)));
    }

    [Fact]
    public void InnermostStatement_Counts()
    {
        var activity = new Activity();
        var busy = activity.Enter(ActivityKind.Busy, "saving");
        var waiting = activity.Enter(ActivityKind.Waiting, "a gather");
        Assert.Equal((ActivityKind.Waiting, "a gather"), (activity.State.Kind, activity.State.What));
        waiting.Dispose();
        Assert.Equal((ActivityKind.Busy, "saving"), (activity.State.Kind, activity.State.What));
        waiting = activity.Enter(ActivityKind.Waiting, "another");
        busy.Dispose(); // in the wrong order, as from another thread
        Assert.Equal(ActivityKind.Waiting, activity.State.Kind);
        waiting.Dispose();
        Assert.Equal(ActivityKind.Computing, activity.State.Kind);
    }

    /// <summary>One that does not come ends the others' wait; one that says that it is busy does not.</summary>
    [Fact]
    public async Task Threads_WaitNoLongerThanTheLimit()
    {
        var line = new TaskCompletionSource<string>();
        var groups = ThreadGroup.Create(2, TimeSpan.FromMilliseconds(300), line.SetResult);
        var busy = groups[1].Busy("loading");
        var gather = Task.Run(() => Assert.Throws<LapidaryException>(() => groups[0].Gather([])), TestContext.Current.CancellationToken);
        await Task.Delay(1000, TestContext.Current.CancellationToken);
        Assert.False(gather.IsCompleted);
        busy.Dispose();
        Assert.Contains("to which rank 1 did not come", await line.Task, StringComparison.Ordinal);
        Assert.Equal(await line.Task, (await gather).Message);
    }
}
