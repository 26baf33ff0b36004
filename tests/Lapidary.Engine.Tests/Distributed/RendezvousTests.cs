using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Lapidary.Engine.Distributed.Control;
using Lapidary.Engine.Distributed.Joining;
using Lapidary.Engine.Distributed.Launch;
using Lapidary.Formats;

namespace Lapidary.Engine.Tests.Distributed;

public class RendezvousTests
{
    [Fact]
    public void Strangers_NeitherBlockNorEndTheStart()
    {
        int port = TcpRanks.FreePort();
        var strangers = new List<Socket>();
        RankGroup? first = null;
        var leader = new Thread(() => first = RankGroups.Join(TcpRanks.Default(0, 2, port), TestContext.Current.CancellationToken));
        leader.Start();
        byte[][] garbage =
        [
            [], [5], Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), [0xFF, 0xFF, 0xFF, 0x7F, 1], [0xFF, 0xFF, 0xFF, 0xFF, 1],
            [0, 0, 0, 0, 0], [1, 0, 0, 0, 1], [9, 0, 0, 0, 1, 1, 2, 3], [.. BitConverter.GetBytes(60_000), 1, .. new byte[59_999]],
            [.. BitConverter.GetBytes(101), (byte)FrameKind.Hello, .. new byte[100]], [.. BitConverter.GetBytes(1), (byte)FrameKind.Part],
            [.. BitConverter.GetBytes(1), (byte)FrameKind.Lost], [.. Enumerable.Repeat((byte)0x16, 5000)],
        ];
        foreach (byte[] bytes in garbage)
        {
            var stranger = Connect(port);
            stranger.Send(bytes);
            strangers.Add(stranger);
        }

        for (int i = 0; i < 30; i++) strangers.Add(Connect(port));
        using var second = RankGroups.Join(TcpRanks.Default(1, 2, port), TestContext.Current.CancellationToken);
        leader.Join();
        TcpRanks.Together([0, 1], rank => Assert.Equal(2, (rank == 0 ? first! : second).Gather([]).Count));
        strangers.ForEach(stranger => stranger.Dispose());
        TcpRanks.Together([0, 1], rank => (rank == 0 ? first! : second).Dispose());
    }

    [Fact]
    public void SecondClaimOfARank_IsRejected()
    {
        int port = TcpRanks.FreePort();
        var notes = new ConcurrentQueue<string>();
        var groups = new RankGroup[3];
        using var refused = new BlockingCollection<string>();
        Thread[] others = [.. new[] { 0, 1, 1 }.Select(rank => new Thread(() => Claim(rank)))]; // of two, rank 0 takes one
        foreach (var other in others) other.Start();
        AssertTold(1, refused.Take(TestContext.Current.CancellationToken));
        AssertTold(0, Assert.Throws<LapidaryException>(() => TcpRanks.Play(0, 3, port)).Message);

        groups[2] = RankGroups.Join(TcpRanks.Default(2, 3, port), TestContext.Current.CancellationToken);
        foreach (var other in others) other.Join();
        Assert.Empty(refused);
        TcpRanks.Together([0, 1, 2], rank => groups[rank].Gather([]));
        TcpRanks.Together([0, 1, 2], rank => groups[rank].Dispose());

        void Claim(int rank)
        {
            try
            {
                var options = TcpRanks.Default(rank, 3, port) with { Note = notes.Enqueue };
                groups[rank] = RankGroups.Join(options, TestContext.Current.CancellationToken);
            }
            catch (LapidaryException e)
            {
                refused.Add(e.Message);
            }
        }

        void AssertTold(int rank, string why)
        {
            Assert.StartsWith($"rank {rank} (host-{rank}), process {Environment.ProcessId}: this rank is taken by process", why);
            AssertComes(notes, why);
        }
    }

    [Theory]
    [InlineData("version", "rank 2 (host-2) has version 9.9 of Lapidary, rank 0 (host-0)")]
    [InlineData("world", "rank 2 (host-2) counts 4 ranks, rank 0 (host-0) 3")]
    [InlineData("rank", "rank 7 (host-2) is none of the 3 ranks")]
    public void RankThatDoesNotFit_EndsTheStartOnAll(string what, string expected)
    {
        int port = TcpRanks.FreePort();
        var lines = new ConcurrentQueue<string>();
        TcpRanks.Together([0, 1, 2], rank =>
        {
            var options = TcpRanks.Default(rank, 3, port);
            if (rank == 2) options = what switch
            {
                "version" => options with { Version = "9.9" },
                "world" => options with { Place = options.Place! with { Processes = 4 } },
                _ => options with { Place = options.Place! with { Process = 7 } },
            };
            if (rank == 2) Thread.Sleep(1000); // the others are there when it comes
            lines.Enqueue(Assert.Throws<LapidaryException>(() => RankGroups.Join(options, TestContext.Current.CancellationToken)).Message);
        });
        Assert.Equal(3, lines.Count);
        Assert.All(lines, line => Assert.StartsWith(expected, line));
    }

    [Fact]
    public void AnotherRun_IsSentAway_WithoutEndingThisOne()
    {
        int port = TcpRanks.FreePort();
        var groups = new RankGroup[2];
        var leader = new Thread(() => groups[0] = RankGroups.Join(TcpRanks.Default(0, 2, port), TestContext.Current.CancellationToken));
        leader.Start();
        var options = TcpRanks.Default(1, 2, port);
        var other = options with { Place = options.Place! with { Run = "77.0" } };
        Assert.Contains("belongs to another run, '77.0'",
            Assert.Throws<LapidaryException>(() => RankGroups.Join(other, TestContext.Current.CancellationToken)).Message);
        groups[1] = RankGroups.Join(options, TestContext.Current.CancellationToken);
        leader.Join();
        TcpRanks.Together([0, 1], rank => groups[rank].Dispose());
    }

    [Theory]
    [InlineData("right", null)]
    [InlineData("right", "wrong")]
    [InlineData(null, "wrong")]
    public void WrongSecret_IsSentAway_WithoutEndingTheStart(string? right, string? wrong)
    {
        int port = TcpRanks.FreePort();
        var notes = new ConcurrentQueue<string>();
        var groups = new RankGroup[2];
        var leader = new Thread(() => groups[0] = RankGroups.Join(With(0, right), TestContext.Current.CancellationToken));
        leader.Start();
        string why = Assert.Throws<LapidaryException>(() => RankGroups.Join(With(1, wrong), TestContext.Current.CancellationToken)).Message;
        Assert.Equal("rank 1 (host-1): its LAPIDARY_TOKEN is not that of rank 0", why);
        groups[1] = RankGroups.Join(With(1, right), TestContext.Current.CancellationToken);
        leader.Join();
        AssertComes(notes, why);
        Assert.DoesNotContain(notes, note => note.Contains("right"));
        TcpRanks.Together([0, 1], rank => groups[rank].Dispose());

        RankGroupOptions With(int rank, string? token) => TcpRanks.Default(rank, 2, port) with
        {
            Variable = name => name == "LAPIDARY_TOKEN" ? token : null,
            Note = notes.Enqueue,
        };
    }

    /// <summary>A program that claims to be rank 0 and cannot prove it gets no proof that it could use elsewhere.</summary>
    [Fact]
    public void LeaderWithoutTheSecret_IsNotBelieved()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var seen = new ConcurrentQueue<FrameKind>();
        var impostor = new Thread(() =>
        {
            using var link = new Link(listener.AcceptSocket(), TcpRanks.Quick);
            link.Receive(out var kind);
            link.Send(FrameKind.Challenge, new byte[2 * Secret.Size]);
            link.Receive(out kind);
            seen.Enqueue(kind);
        });
        impostor.Start();
        Assert.Throws<LapidaryException>(() => TcpRanks.Play(1, 2, ((IPEndPoint)listener.LocalEndpoint).Port, token: "right"));
        impostor.Join();
        Assert.Equal([FrameKind.Refused], seen);
    }

    [Fact]
    public void RanksThatDoNotCome_AreNamed()
    {
        int port = TcpRanks.FreePort();
        TcpRanks.Together([0, 2], rank =>
        {
            var options = TcpRanks.Default(rank, 5, port) with { StartLimit = TimeSpan.FromSeconds(rank == 0 ? 3 : 60) };
            var error = Assert.Throws<LapidaryException>(() => RankGroups.Join(options, TestContext.Current.CancellationToken));
            Assert.StartsWith("ranks 1, 3, 4 of 5 did not come to rank 0 (host-0) within 3 s.", error.Message);
        });
    }

    [Fact]
    public void LeaderThatDoesNotCome_IsNamedWithItsAddress()
    {
        int port = TcpRanks.FreePort();
        var options = TcpRanks.Default(1, 2, port) with { StartLimit = TimeSpan.FromSeconds(1) };
        var error = Assert.Throws<LapidaryException>(() => RankGroups.Join(options, TestContext.Current.CancellationToken));
        Assert.StartsWith($"rank 1 (host-1) did not reach rank 0 at 127.0.0.1:{port} within 1 s: nobody listens there.", error.Message);
    }

    [Fact]
    public void NameThatIsNotKnown_IsNamed()
    {
        var options = TcpRanks.Default(1, 2, 29500, "no-such-host.invalid") with { StartLimit = TimeSpan.FromSeconds(1) };
        var error = Assert.Throws<LapidaryException>(() => RankGroups.Join(options, TestContext.Current.CancellationToken));
        Assert.Contains("the name no-such-host.invalid is not known", error.Message);
    }

    [Fact]
    public void RankThatEndsBeforeTheOthersCome_EndsTheStart()
    {
        int port = TcpRanks.FreePort();
        using var ending = new CancellationTokenSource();
        TcpRanks.Together([0, 1, 2], rank =>
        {
            var options = TcpRanks.Default(rank, 4, port);
            if (rank == 2)
            {
                ending.CancelAfter(1000);
                Assert.ThrowsAny<OperationCanceledException>(() => RankGroups.Join(options, ending.Token));
            }
            else
            {
                var error = Assert.Throws<LapidaryException>(() => RankGroups.Join(options, TestContext.Current.CancellationToken));
                Assert.Equal("rank 2 (host-2) ended before all others had come.", error.Message);
            }
        });
    }

    [Fact]
    public void PortInUse_IsNamed()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var error = Assert.Throws<LapidaryException>(
            () => RankGroups.Join(TcpRanks.Default(0, 2, port), TestContext.Current.CancellationToken));
        Assert.Contains($"127.0.0.1:{port}: the port is in use", error.Message);
    }

    [Fact]
    public void NameOfAnotherMachine_MeansAllAddressesOfThisOne()
    {
        // An address for documentation (RFC 5737), as a service of Kubernetes would have one.
        using var listeners = Listeners.Open("192.0.2.1", 0, TcpRanks.Quick, TestContext.Current.CancellationToken);
        Assert.True(listeners.IsAny);
        using var own = Listeners.Open("127.0.0.1", 0, TcpRanks.Quick, TestContext.Current.CancellationToken);
        Assert.Equal((false, "127.0.0.1"), (own.IsAny, own.EndPoints.Single().Address.ToString()));
    }

    [Fact]
    public void OpenAddress_IsSaid()
    {
        int port = TcpRanks.FreePort();
        var notes = new ConcurrentQueue<string>();
        var options = TcpRanks.Default(0, 2, port, "192.0.2.1") with { Note = notes.Enqueue, StartLimit = TimeSpan.FromSeconds(0.1) };
        Assert.Throws<LapidaryException>(() => RankGroups.Join(options, TestContext.Current.CancellationToken));
        Assert.Matches(
            $"^rank 0 awaits the others at .*:{port}, all addresses of this machine; "
            + "without LAPIDARY_TOKEN any process that reaches it could join$",
            Assert.Single(notes));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void MpiTellsAddressAndSecret(bool isOneHost)
    {
        using var mpi = new SharedBytes(processes: 3);
        var groups = new RankGroup[3];
        TcpRanks.Together([0, 1, 2], rank => groups[rank] = RankGroups.Join(
            TcpRanks.Default(rank, 3, 1) with
            {
                Place = new LaunchPlace
                {
                    Kind = LaunchKind.OpenMpi,
                    Launcher = "mpirun (Open MPI)",
                    Process = rank,
                    Processes = 3,
                    LocalProcess = isOneHost ? rank : 0,
                    LocalProcesses = isOneHost ? 3 : 1,
                },
                Broadcast = _ => mpi,
            },
            TestContext.Current.CancellationToken));
        TcpRanks.Together([0, 1, 2], rank => Assert.Equal(3, groups[rank].Gather([]).Count));
        TcpRanks.Together([0, 1, 2], rank => groups[rank].Dispose());
    }

    [Fact]
    public void RanksPerMachine_AreChecked()
    {
        var options = TcpRanks.Default(0, 2, 1);
        options = options with { Place = options.Place! with { RanksPerProcess = 8, RanksVariable = "PET_NPROC_PER_NODE" } };
        var error = Assert.Throws<LapidaryException>(() => RankGroups.JoinAll(options, devices: 4, TestContext.Current.CancellationToken));
        Assert.StartsWith("PET_NPROC_PER_NODE asks for 8 ranks on each machine, but this one, host-0, has 4 devices", error.Message);
    }

    /// <summary>Rank 0 may say it a moment after the other was told.</summary>
    private static void AssertComes(IEnumerable<string> notes, string text) =>
        Assert.True(SpinWait.SpinUntil(() => notes.Any(note => note.Contains(text)), TimeSpan.FromSeconds(30)), $"nobody said '{text}'");

    private static Socket Connect(int port)
    {
        for (int attempt = 0; ; attempt++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Connect(IPAddress.Loopback, port);
                return socket;
            }
            catch (SocketException) when (attempt < 200)
            {
                socket.Dispose();
                Thread.Sleep(50);
            }
        }
    }

    /// <summary>What MPI_Bcast does, for threads.</summary>
    private sealed class SharedBytes(int processes) : IAddressBroadcast, IDisposable
    {
        private readonly Barrier _barrier = new(processes);
        private byte[] _bytes = [];

        public void Dispose() => _barrier.Dispose();

        public void Broadcast(Span<byte> bytes, int root)
        {
            if (bytes.ContainsAnyExcept((byte)0)) _bytes = bytes.ToArray();
            _barrier.SignalAndWait();
            _bytes.CopyTo(bytes);
        }
    }
}
