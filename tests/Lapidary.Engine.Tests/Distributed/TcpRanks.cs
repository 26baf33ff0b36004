using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Lapidary.Engine.Distributed.Control;
using Lapidary.Engine.Distributed.Joining;
using Lapidary.Engine.Distributed.Launch;

namespace Lapidary.Engine.Tests.Distributed;

/// <summary>Ranks of this process that find each other over loopback, as if each were a process on a host of its own.</summary>
internal sealed class TcpRanks : IDisposable
{
    private readonly ConcurrentQueue<string>[] _lost;

    private TcpRanks(int worldSize)
    {
        Groups = new RankGroup?[worldSize];
        _lost = [.. Enumerable.Range(0, worldSize).Select(_ => new ConcurrentQueue<string>())];
    }

    /// <summary>Limits for tests in which nobody falls silent.</summary>
    public static ControlTimes Quick { get; } = new()
    {
        Beat = TimeSpan.FromMilliseconds(100),
        Grace = TimeSpan.FromMilliseconds(200),
        PortInUse = TimeSpan.FromSeconds(2),
        OwnName = TimeSpan.FromSeconds(1),
    };

    /// <summary>Those that joined; null for those that the test plays itself.</summary>
    public RankGroup?[] Groups { get; }

    public RankGroup this[int rank] => Groups[rank]!;

    /// <summary>All ranks join, but those that the test plays itself.</summary>
    public static TcpRanks Start(int worldSize, Func<int, RankGroupOptions, RankGroupOptions>? change = null, string host = "127.0.0.1",
        int? port = null, params int[] played)
    {
        var ranks = new TcpRanks(worldSize);
        int number = port ?? FreePort();
        Together(Enumerable.Range(0, worldSize).Except(played), rank =>
        {
            var options = ranks.Options(rank, worldSize, number, host);
            ranks.Groups[rank] = RankGroups.Join(change?.Invoke(rank, options) ?? options, TestContext.Current.CancellationToken);
        });
        return ranks;
    }

    public RankGroupOptions Options(int rank, int worldSize, int port, string host) => Default(rank, worldSize, port, host) with
    {
        Lost = _lost[rank].Enqueue,
    };

    public static RankGroupOptions Default(int rank, int worldSize, int port, string host = "127.0.0.1") => new()
    {
        Place = new LaunchPlace
        {
            Kind = LaunchKind.Torch,
            Launcher = "a test",
            Process = rank,
            Processes = worldSize,
            Address = host,
            Port = port,
        },
        StartLimit = TimeSpan.FromSeconds(60),
        Times = Quick,
        Host = $"host-{rank}",
        Variable = _ => null,
    };

    /// <summary>A rank that the test plays: it joins, and then does only what the test does.</summary>
    public static Link Play(int rank, int worldSize, int port, string token = "")
    {
        var hello = HelloOf(rank, worldSize);
        return new Arrival([new DnsEndPoint("127.0.0.1", port)], hello, Secret.Of(token), Quick, TimeSpan.FromSeconds(60))
            .Meet(TestContext.Current.CancellationToken).Link;
    }

    public static Hello HelloOf(int rank, int worldSize) =>
        new(Hello.OwnProtocol, rank, worldSize, $"host-{rank}", Environment.ProcessId, RankGroups.OwnVersion, "");

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Each rank that joined does something, at the same time.</summary>
    public void Each(Action<RankGroup> act) =>
        Together(Enumerable.Range(0, Groups.Length).Where(rank => Groups[rank] is not null), rank => act(this[rank]));

    /// <summary>The only line that a rank was told.</summary>
    public string LostLine(int rank)
    {
        Assert.True(SpinWait.SpinUntil(() => !_lost[rank].IsEmpty, TimeSpan.FromSeconds(60)), $"rank {rank} was told nothing");
        return Assert.Single(_lost[rank]);
    }

    /// <summary>No rank was told of a loss.</summary>
    public void AssertNothingLost() => Assert.All(_lost, lines => Assert.Empty(lines));

    public void Dispose()
    {
        AssertQuick(() => Each(group => group.Dispose()));
    }

    public static void AssertQuick(Action act)
    {
        long started = Environment.TickCount64;
        act();
        Assert.InRange(Environment.TickCount64 - started, 0, 60_000);
    }

    /// <summary>A thread for each; the first error is the test's.</summary>
    public static void Together(IEnumerable<int> ranks, Action<int> act)
    {
        var errors = new ConcurrentQueue<Exception>();
        var threads = ranks.Select(rank => new Thread(() =>
        {
            try
            {
                act(rank);
            }
            catch (Exception e)
            {
                errors.Enqueue(e);
            }
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        if (errors.TryDequeue(out var first)) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
    }
}
