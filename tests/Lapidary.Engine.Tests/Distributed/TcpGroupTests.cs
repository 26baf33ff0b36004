using System.Text;
using Lapidary.Engine.Distributed.Control;
using Lapidary.Formats;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Distributed;

public class TcpGroupTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(64)]
    public void Gather_GivesWhatEachSaid_InOrder(int worldSize)
    {
        using var ranks = TcpRanks.Start(worldSize);
        ranks.Each(group =>
        {
            Assert.Equal(worldSize, group.WorldSize);
            Assert.Equal("rank 1 (host-1)", group.NameOf(1));
            for (int round = 0; round < 5; round++)
            {
                var all = group.Gather(Encoding.UTF8.GetBytes($"{group.Rank}: {round}"));
                Assert.Equal(Enumerable.Range(0, worldSize).Select(rank => $"{rank}: {round}"), all.Select(Encoding.UTF8.GetString));
            }
        });
        ranks.Dispose();
        ranks.AssertNothingLost();
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0, 5, (1 << 20) + 1)]
    [InlineData(1 << 20, 0, 1 << 21)]
    [InlineData(30_000_000, 70_000_000, 1)]
    public void Gather_TakesAnySizes(int first, int second, int third)
    {
        int[] sizes = [first, second, third];
        using var ranks = TcpRanks.Start(3);
        ranks.Each(group =>
        {
            byte[] mine = new byte[sizes[group.Rank]];
            Array.Fill(mine, (byte)(group.Rank + 1));
            var all = group.Gather(mine);
            Assert.Equal(sizes, all.Select(bytes => bytes.Length));
            for (int rank = 0; rank < 3; rank++) Assert.Equal(-1, all[rank].AsSpan().IndexOfAnyExcept((byte)(rank + 1)));
        });
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("::1")]
    [InlineData("127.0.0.1")]
    public void Addresses_OfBothKinds_Work(string host)
    {
        Assert.SkipUnless(host != "::1" || HasIPv6(), "this machine has no IPv6");
        using var ranks = TcpRanks.Start(3, host: host);
        ranks.Each(group => Assert.Equal(3, group.Gather([1]).Count));
    }

    [Fact]
    public void ThreadsOfOneProcess_EachHaveAGroup()
    {
        int port = TcpRanks.FreePort();
        var all = new IReadOnlyList<RankGroup>[2];
        TcpRanks.Together([0, 1], process =>
            all[process] = RankGroups.JoinAll(TcpRanks.Default(process, 2, port), devices: 3, TestContext.Current.CancellationToken));
        var groups = all.SelectMany(groups => groups).ToList();
        Assert.Equal([0, 1, 2, 3, 4, 5], groups.Select(group => group.Rank));
        Assert.All(groups, group => Assert.Equal(6, group.WorldSize));
        TcpRanks.Together(Enumerable.Range(0, 6), rank =>
            Assert.Equal([0, 1, 2, 3, 4, 5], groups[rank].Gather([(byte)rank]).Select(x => (int)x[0])));
        TcpRanks.Together(Enumerable.Range(0, 6), rank => groups[rank].Dispose());
    }

    [Fact]
    public void ProcessAlone_NeedsNoConnection()
    {
        var options = TcpRanks.Default(0, 1, port: 1);
        Assert.Same(RankGroup.Solo, RankGroups.Join(options, TestContext.Current.CancellationToken));
        Assert.Equal(3, RankGroups.JoinAll(options, devices: 3, TestContext.Current.CancellationToken)[2].WorldSize);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Stop_ReachesAll(int asks)
    {
        using var ranks = TcpRanks.Start(4);
        Assert.All(ranks.Groups, group => Assert.False(group!.StopRequested.IsCancellationRequested));
        ranks[asks].RequestStop();
        ranks.Each(group => Assert.True(group.StopRequested.WaitHandle.WaitOne(Long)));
        ranks.Each(group => group.Gather([])); // the run goes on until all agree
        ranks.Dispose();
        ranks.AssertNothingLost();
    }

    [Fact]
    public void RankThatEnds_IsNamedOnAll()
    {
        int port = TcpRanks.FreePort();
        Link? played = null;
        var playing = new Thread(() => played = TcpRanks.Play(2, 4, port));
        playing.Start();
        using var ranks = TcpRanks.Start(4, port: port, played: 2);
        playing.Join();
        played!.Dispose();
        foreach (int rank in (int[])[0, 1, 3])
        {
            Assert.StartsWith("rank 2 (host-2) is gone", ranks.LostLine(rank));
            Assert.StartsWith("rank 2 (host-2) is gone", Assert.Throws<LapidaryException>(() => ranks[rank].Gather([])).Message);
        }
    }

    [Fact]
    public void RankThatEnds_EndsAGatherUnderWay()
    {
        int port = TcpRanks.FreePort();
        Link? played = null;
        var playing = new Thread(() => played = TcpRanks.Play(1, 3, port));
        playing.Start();
        using var ranks = TcpRanks.Start(3, port: port, played: 1);
        playing.Join();
        var ending = new Thread(() =>
        {
            Thread.Sleep(500);
            played!.Dispose();
        });
        ending.Start();
        ranks.Each(group =>
            Assert.StartsWith("rank 1 (host-1) is gone", Assert.Throws<LapidaryException>(() => group.Gather([1])).Message));
        ending.Join();
    }

    [Fact]
    public void RankThatFallsSilent_IsNamedOnAll()
    {
        int port = TcpRanks.FreePort();
        Link? played = null;
        var playing = new Thread(() => played = TcpRanks.Play(1, 3, port));
        playing.Start();
        var times = TcpRanks.Quick with { Silence = TimeSpan.FromSeconds(4) };
        using var ranks = TcpRanks.Start(3, (_, options) => options with { Times = times },
            port: port, played: 1);
        playing.Join();
        foreach (int rank in (int[])[0, 2]) Assert.Equal("rank 1 (host-1) has given no sign of life for 4 s.", ranks.LostLine(rank));
        played!.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0)]
    public void RankThatDoesNotCome_IsNamedOnAll(int late)
    {
        using var ranks = TcpRanks.Start(3, (_, options) => options with { WaitLimit = TimeSpan.FromSeconds(2) });
        var scopes = ranks.Groups.Where(group => group!.Rank != late).Select(group => group!.Waiting("the gradients")).ToList();
        for (int rank = 0; rank < 3; rank++)
            Assert.Matches(
                $@"^rank \d \(host-\d\) waits since \d+ s for the gradients, to which "
                + $@"rank {late} \(host-{late}\) did not come within 2 s\.$",
                ranks.LostLine(rank));
        scopes.ForEach(scope => scope.Dispose());
    }

    /// <summary>Each rank is busy until it waits, so that none is late, however slow the machine is.</summary>
    [Fact]
    public void RankThatIsBusy_IsWaitedFor()
    {
        using var ranks = TcpRanks.Start(3, (_, options) => options with { WaitLimit = TimeSpan.FromSeconds(4) });
        var busy = ranks.Groups.Select(group => group!.Busy("it saves")).ToList();
        ranks.Each(group =>
        {
            if (group.Rank == 1) Thread.Sleep(6000);
            group.Gather([]);
        });
        busy.ForEach(scope => scope.Dispose());
        ranks.Dispose();
        ranks.AssertNothingLost();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void RankThatFails_TellsWhy(int fails)
    {
        using var ranks = TcpRanks.Start(4);
        ranks[fails].Fail("out of memory.");
        foreach (int rank in Enumerable.Range(0, 4).Where(rank => rank != fails))
            Assert.Equal($"rank {fails} (host-{fails}): out of memory.", ranks.LostLine(rank));
        ranks[fails].Dispose();
        Assert.Throws<LapidaryException>(() => ranks[(fails + 1) % 4].Gather([]));
    }

    [Fact]
    public void RankThatDied_IsNamed_NotThatWhoseExchangeFailedOfIt()
    {
        int port = TcpRanks.FreePort();
        Link? played = null;
        var playing = new Thread(() => played = TcpRanks.Play(2, 3, port));
        playing.Start();
        var times = TcpRanks.Quick with { Grace = TimeSpan.FromSeconds(3) };
        using var ranks = TcpRanks.Start(3, (_, options) => options with { Times = times },
            port: port, played: 2);
        playing.Join();
        var failing = new Thread(() => ranks[1].Fail("remote error"));
        failing.Start();
        Thread.Sleep(200);
        played!.Dispose();
        failing.Join();
        Assert.StartsWith("rank 2 (host-2) is gone", ranks.LostLine(0));
        Assert.StartsWith("rank 2 (host-2) is gone", ranks.LostLine(1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void RankThatIsDoneFirst_IsNoLoss(int first)
    {
        using var ranks = TcpRanks.Start(3);
        TcpRanks.AssertQuick(ranks[first].Dispose);
        Thread.Sleep(500);
        ranks.Dispose();
        ranks.AssertNothingLost();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void RankThatIsDone_ButStillNeeded_IsNamed(int first)
    {
        using var ranks = TcpRanks.Start(2);
        ranks[first].Dispose();
        var error = Assert.Throws<LapidaryException>(() => ranks[1 - first].Gather([]));
        Assert.Equal($"rank {first} (host-{first}) has ended, but rank {1 - first} (host-{1 - first}) still needs it.", error.Message);
    }

    [Fact]
    public void SamePort_ServesTheNextRun()
    {
        int port = TcpRanks.FreePort();
        for (int run = 0; run < 3; run++)
        {
            using var ranks = TcpRanks.Start(3, port: port);
            ranks.Each(group => group.Gather([]));
        }
    }

    [Fact]
    public void Statements_AllocateNothing()
    {
        using var ranks = TcpRanks.Start(2);
        Assert.Equal(0, ManagedMemory.FewestBytes(Step, times: 1000));

        void Step()
        {
            using var busy = ranks[1].Busy("saving");
            using var waiting = ranks[1].Waiting("the others");
        }
    }

    private static bool HasIPv6()
    {
        try
        {
            using var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.IPv6Loopback, 0);
            listener.Start();
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
