using System.Diagnostics;
using System.Globalization;
using Lapidary.Engine.Distributed.Control;

namespace Lapidary.Engine.Tests.Distributed;

/// <summary>A rank in a process of its own: this very program, which runs <see cref="Run"/> only.</summary>
public sealed class RankProcess : IDisposable
{
    private const string File = "LAPIDARY_TEST_RANK_FILE", Host = "LAPIDARY_TEST_RANK_HOST";

    private readonly Process? _process;
    private readonly string _file = "";

    public RankProcess()
    {
    }

    private RankProcess(Process process, string file) => (_process, _file) = (process, file);

    /// <summary>What the rank has said so far.</summary>
    private string[] Lines => !System.IO.File.Exists(_file) ? []
        : System.IO.File.ReadAllText(_file).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Starts a rank, in a network of its own where one is named.</summary>
    internal static RankProcess Start(int rank, int worldSize, string address, int port, string? network = null)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Lapidary.Engine.Tests");
        string[] arguments = ["--no-ansi", "--explicit", "only", "--filter-method", $"*{nameof(RankProcess)}.{nameof(Run)}"];
        var start = network is null ? new ProcessStartInfo(program, arguments)
            : new ProcessStartInfo("ip", ["netns", "exec", network, program, .. arguments]);
        string file = Path.Combine(Path.GetTempPath(), $"lapidary-rank-{Guid.NewGuid():N}");
        var variables = new Dictionary<string, string>
        {
            [File] = file,
            [Host] = network ?? $"host-{rank}",
            ["RANK"] = $"{rank}",
            ["WORLD_SIZE"] = $"{worldSize}",
            ["LOCAL_RANK"] = "0",
            ["MASTER_ADDR"] = address,
            ["MASTER_PORT"] = $"{port}",
            ["LAPIDARY_TOKEN"] = "for a test",
        };
        foreach (var (name, value) in variables) start.Environment[name] = value;
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new RankProcess(process, file);
    }

    /// <summary>Waits for a line that begins in some way.</summary>
    internal string LineThatBegins(string text)
    {
        string? line = null;
        bool isThere = SpinWait.SpinUntil(
            () =>
            {
                Thread.Sleep(50);
                line = Lines.FirstOrDefault(entry => entry.StartsWith(text, StringComparison.Ordinal));
                return line is not null || _process!.HasExited;
            },
            TimeSpan.FromSeconds(90));
        line ??= Lines.FirstOrDefault(entry => entry.StartsWith(text, StringComparison.Ordinal));
        Assert.True(isThere && line is not null, $"no line '{text}', but: {string.Join(" | ", Lines)}");
        return line;
    }

    internal int ExitCode()
    {
        Assert.True(_process!.WaitForExit(TimeSpan.FromSeconds(60)), "it does not end");
        return _process.ExitCode;
    }

    /// <summary>SIGKILL to the rank itself, wherever it runs.</summary>
    internal void Kill() =>
        Process.GetProcessById(int.Parse(LineThatBegins("process ").Split(' ')[1], CultureInfo.InvariantCulture)).Kill();

    public void Dispose()
    {
        if (_process is null) return;
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        System.IO.File.Delete(_file);
    }

    /// <summary>What the process does: it gathers until it is stopped or all is over. A file named after its own with ".stop" makes it ask
    /// for an end.</summary>
    [Fact(Explicit = true)]
    public void Run()
    {
        string? file = Environment.GetEnvironmentVariable(File);
        Assert.SkipUnless(file is not null, "runs in the processes that other tests start");
        var options = new RankGroupOptions
        {
            Host = Environment.GetEnvironmentVariable(Host)!,
            StartLimit = TimeSpan.FromSeconds(90),
            Times = new ControlTimes { Beat = TimeSpan.FromMilliseconds(500), Silence = TimeSpan.FromSeconds(6) },
            Lost = line =>
            {
                Say($"lost: {line}");
                RankGroups.Leave(3);
            },
        };
        Say($"process {Environment.ProcessId}");
        using var group = RankGroups.Join(options, TestContext.Current.CancellationToken);
        Say($"joined {string.Join(", ", Enumerable.Range(0, group.WorldSize).Select(group.NameOf))}");
        bool stop = false;
        while (!stop)
        {
            if (System.IO.File.Exists(file + ".stop")) group.RequestStop();
            stop = group.Gather([group.StopRequested.IsCancellationRequested ? (byte)1 : (byte)0]).Any(flag => flag[0] == 1);
            Thread.Sleep(50);
        }

        Say("stopped");

        void Say(string line) => System.IO.File.AppendAllText(file!, line + "\n");
    }

    /// <summary>Makes the rank ask for an end.</summary>
    internal void AskForStop() => System.IO.File.WriteAllText(_file + ".stop", "");

    internal void ForgetStop() => System.IO.File.Delete(_file + ".stop");
}
