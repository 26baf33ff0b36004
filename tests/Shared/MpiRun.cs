using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Lapidary.Tests;

/// <summary>A program run by a real MPI launcher, as several ranks on this machine. It does not outlive its test: neither do its
/// ranks.</summary>
/// <remarks>A launcher that is absent is a skip with the reason: see <see cref="Require"/>.</remarks>
internal sealed partial class MpiRun : IDisposable
{
    public const string OpenMpi = "Open MPI", Mpich = "MPICH";

    /// <summary>Marks the processes of one run in their environment.</summary>
    private const string Mark = "LAPIDARY_TEST_MPI_RUN";

    private readonly string _launcher;
    private readonly string _mark;
    private readonly Process _process;
    private readonly List<MpiLine> _lines = [];
    private readonly Task _output;

    private MpiRun(string launcher, string mark, ProcessStartInfo start)
    {
        (_launcher, _mark) = (launcher, mark);
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _output = Task.WhenAll(Read(_process.StandardOutput, isError: false), Read(_process.StandardError, isError: true));
    }

    /// <summary>The launcher's process: what a user interrupts.</summary>
    public int Launcher => _process.Id;

    /// <summary>Whether the launcher has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>The lines of all ranks that have come so far.</summary>
    public IReadOnlyList<MpiLine> LinesSoFar
    {
        get
        {
            lock (_lines) return [.. _lines];
        }
    }

    /// <summary>Skips the test where a launcher is not installed.</summary>
    public static void Require(string launcher) =>
        Assert.SkipUnless(Find(launcher) is not null, $"{launcher} is not installed: see eng/install-mpi.sh");

    /// <summary>Starts the ranks.</summary>
    /// <param name="launcher"><see cref="OpenMpi"/> or <see cref="Mpich"/>.</param> <param name="ranks">How many.</param>
    /// <param name="program">What each runs; the test's own program: Environment.ProcessPath.</param>
    /// <param name="arguments">Of the program.</param> <param name="environment">Of the ranks.</param>
    /// <param name="options">More options of the launcher.</param>
    public static MpiRun Start(
        string launcher, int ranks, string program, IEnumerable<string> arguments, (string Name, string Value)[]? environment = null,
        params string[] options)
    {
        Require(launcher);
        string mark = Guid.NewGuid().ToString();

        // Ranks share this machine's cores, however few. Each line of the output comes with its rank.
        string[] own = launcher == OpenMpi ? ["--oversubscribe", "--bind-to", "none", "--tag-output"] : ["-prepend-rank"];
        var start = new ProcessStartInfo(
            Find(launcher)!, ["-n", ranks.ToString(CultureInfo.InvariantCulture), .. own, .. options, program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        start.Environment[Mark] = mark;
        foreach (var (name, value) in environment ?? []) start.Environment[name] = value;
        return new MpiRun(launcher, mark, start);
    }

    /// <summary>Waits for the end of all; past the limit it kills them and fails.</summary>
    public async Task<MpiEnd> End(TimeSpan limit, CancellationToken cancel)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(limit);
        try
        {
            await _process.WaitForExitAsync(timer.Token);
        }
        catch (OperationCanceledException)
        {
            KillAll();
            Assert.Fail($"{_launcher}'s ranks were still running after {limit.TotalSeconds} seconds.\n{Text(LinesSoFar)}");
        }

        await _output.WaitAsync(cancel);
        return new MpiEnd(_process.ExitCode, LinesSoFar);
    }

    /// <summary>Waits until something has happened; fails where the launcher ends before, or after the limit.</summary>
    public async Task Until(Func<bool> condition, TimeSpan limit, CancellationToken cancel)
    {
        for (var watch = Stopwatch.StartNew(); !condition(); await Task.Delay(20, cancel))
        {
            if (!HasExited && watch.Elapsed < limit) continue;
            bool ended = HasExited;
            KillAll();
            string when = ended ? "The launcher has ended before" : $"In {limit.TotalSeconds} seconds there was not";
            Assert.Fail($"{when} what the test waits for.\n{Text(LinesSoFar)}");
        }
    }

    /// <summary>Process id of a rank, or null where it has not started or has ended.</summary>
    public int? ProcessOf(int rank)
    {
        string variable = _launcher == OpenMpi ? $"OMPI_COMM_WORLD_RANK={rank}" : $"PMI_RANK={rank}";
        return Processes().Where(one => one.Environment.Contains(variable)).Select(one => (int?)one.Id).Min();
    }

    /// <summary>Sends a signal, such as INT, to a rank or to the launcher.</summary>
    public static void Send(string signal, int process)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process}"]);
        kill.WaitForExit();
    }

    public void Dispose()
    {
        KillAll();
        _process.Dispose();
    }

    private static string? Find(string launcher)
    {
        string[] names = launcher == OpenMpi ? ["mpirun.openmpi"] : ["mpirun.mpich", "mpiexec.hydra"];
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        return names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
    }

    private async Task Read(StreamReader output, bool isError)
    {
        while (await output.ReadLineAsync() is { } line)
        {
            lock (_lines) _lines.Add(Parse(line, isError));
        }
    }

    /// <summary>A line with its rank, where the launcher tells it.</summary>
    private static MpiLine Parse(string line, bool isError)
    {
        var prefix = Prefix().Match(line);
        return prefix.Success
            ? new MpiLine(int.Parse(prefix.Groups["rank"].ValueSpan, CultureInfo.InvariantCulture),
                isError || prefix.Groups["stream"].Value == "stderr", line[prefix.Length..])
            : new MpiLine(null, isError, line);
    }

    /// <summary>Open MPI's "[1,0]&lt;stdout&gt;:" (job and rank), MPICH's "[0] ".</summary>
    [GeneratedRegex(@"^\[(?:\d+,(?<rank>\d+)\]<(?<stream>\w+)>: ?|(?<rank>\d+)\] ?)")]
    private static partial Regex Prefix();

    /// <summary>Lines for a message.</summary>
    internal static string Text(IEnumerable<MpiLine> lines) =>
        string.Join('\n', lines.Select(line => $"{(line.Rank is { } rank ? $"rank {rank}" : "launcher")}: {line.Text}"));

    private void KillAll()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);

        // Ranks that the launcher left behind, and what they started.
        foreach (var (id, _) in Processes()) Send("KILL", id);
    }

    /// <summary>The processes of this run, but for the launcher itself.</summary>
    private IEnumerable<(int Id, string[] Environment)> Processes()
    {
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out int id) || id == _process.Id) continue;
            string[] environment;
            try
            {
                environment = File.ReadAllText(Path.Combine(folder, "environ")).Split('\0');
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue; // it has ended, or belongs to another
            }

            if (environment.Contains($"{Mark}={_mark}")) yield return (id, environment);
        }
    }
}

/// <summary>A line of a run under MPI.</summary>
/// <param name="Rank">Whose it is; null for the launcher's own.</param> <param name="IsError">Whether it went to standard error.</param>
/// <param name="Text">Without the rank.</param>
internal sealed record MpiLine(int? Rank, bool IsError, string Text);

/// <summary>How a run under MPI has ended.</summary>
/// <param name="ExitCode">The launcher's.</param> <param name="Lines">Of all ranks, in the order in which they came.</param>
internal sealed record MpiEnd(int ExitCode, IReadOnlyList<MpiLine> Lines)
{
    /// <summary>What a rank wrote, null for the launcher's own lines.</summary>
    public string Of(int? rank) => string.Join('\n', Lines.Where(line => line.Rank == rank).Select(line => line.Text));

    /// <summary>All lines.</summary>
    public override string ToString() => $"exit {ExitCode}\n{MpiRun.Text(Lines)}";
}
