using System.Diagnostics;

namespace Lapidary.Engine.Tests.Distributed;

/// <summary>Ranks that are processes, on this machine and on two "machines" whose networks are joined by a cable that can be cut.</summary>
public class RankProcessTests
{
    [Fact]
    public void KilledProcess_IsNamedByTheOthers()
    {
        int port = TcpRanks.FreePort();
        using var first = RankProcess.Start(0, 3, "127.0.0.1", port);
        using var second = RankProcess.Start(1, 3, "127.0.0.1", port);
        using var third = RankProcess.Start(2, 3, "127.0.0.1", port);
        Assert.Equal("joined rank 0 (host-0), rank 1 (host-1), rank 2 (host-2)", third.LineThatBegins("joined"));
        second.LineThatBegins("joined");
        second.Kill();
        Assert.StartsWith("lost: rank 1 (host-1) is gone", first.LineThatBegins("lost"));
        Assert.StartsWith("lost: rank 1 (host-1) is gone", third.LineThatBegins("lost"));
        Assert.Equal((3, 3), (first.ExitCode(), third.ExitCode()));
    }

    [Fact]
    public void KilledLeader_IsNamedByTheOthers()
    {
        int port = TcpRanks.FreePort();
        using var first = RankProcess.Start(0, 2, "127.0.0.1", port);
        using var second = RankProcess.Start(1, 2, "127.0.0.1", port);
        second.LineThatBegins("joined");
        first.LineThatBegins("joined");
        first.Kill();
        Assert.StartsWith("lost: rank 0 (host-0) is gone", second.LineThatBegins("lost"));
        Assert.Equal(3, second.ExitCode());
    }

    [Fact]
    public void Stop_EndsAllProcessesWell()
    {
        int port = TcpRanks.FreePort();
        using var first = RankProcess.Start(0, 2, "127.0.0.1", port);
        using var second = RankProcess.Start(1, 2, "127.0.0.1", port);
        second.LineThatBegins("joined");
        second.AskForStop();
        first.LineThatBegins("stopped");
        second.LineThatBegins("stopped");
        Assert.Equal((0, 0), (first.ExitCode(), second.ExitCode()));
        second.ForgetStop();
    }

    [Fact]
    public void TwoMachines_FindEachOther_AndNoticeACutCable()
    {
        using var machines = TwoNetworks.Create();
        int port = TcpRanks.FreePort();
        using var first = RankProcess.Start(0, 2, machines.FirstAddress, port, machines.First);
        using var second = RankProcess.Start(1, 2, machines.FirstAddress, port, machines.Second);
        string joined = $"joined rank 0 ({machines.First}), rank 1 ({machines.Second})";
        Assert.Equal(joined, first.LineThatBegins("joined"));
        Assert.Equal(joined, second.LineThatBegins("joined"));
        machines.CutCable();
        Assert.StartsWith($"lost: rank 1 ({machines.Second}) has given no sign of life", first.LineThatBegins("lost"));
        Assert.StartsWith($"lost: rank 0 ({machines.First}) has given no sign of life", second.LineThatBegins("lost"));
        Assert.Equal((3, 3), (first.ExitCode(), second.ExitCode()));
    }

    /// <summary>Two network namespaces, each with one end of a veth pair.</summary>
    private sealed class TwoNetworks : IDisposable
    {
        private readonly string _id = $"{Environment.ProcessId % 100000:x}";

        public string First => $"lap-a-{_id}";

        public string Second => $"lap-b-{_id}";

        public string FirstAddress => "10.213.7.1";

        public static TwoNetworks Create()
        {
            Assert.SkipUnless(OperatingSystem.IsLinux(), "network namespaces are Linux's");
            var networks = new TwoNetworks();
            Assert.SkipUnless(Ip($"netns add {networks.First}"), "no tool ip (iproute2), or this user may not make network namespaces");
            string[] commands =
            [
                $"netns add {networks.Second}",
                $"link add lva{networks._id} netns {networks.First} type veth peer name lvb{networks._id} netns {networks.Second}",
                $"-n {networks.First} addr add {networks.FirstAddress}/24 dev lva{networks._id}",
                $"-n {networks.Second} addr add 10.213.7.2/24 dev lvb{networks._id}",
                $"-n {networks.First} link set lo up",
                $"-n {networks.Second} link set lo up",
                $"-n {networks.First} link set lva{networks._id} up",
                $"-n {networks.Second} link set lvb{networks._id} up",
            ];
            if (Array.TrueForAll(commands, Ip)) return networks;
            networks.Dispose();
            Assert.Skip("this machine lets nobody join network namespaces by veth");
            return networks;
        }

        public void CutCable() => Assert.True(Ip($"-n {First} link set lva{_id} down"));

        public void Dispose()
        {
            Ip($"netns del {First}");
            Ip($"netns del {Second}");
        }

        private static bool Ip(string arguments)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo("ip", arguments)
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                })!;
                process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                return process.ExitCode == 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }
}
