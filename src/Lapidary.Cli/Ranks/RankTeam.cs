using System.Text;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Cli.Settings;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Ranks;

/// <summary>The ranks of this process: one, or a thread for each of its GPUs. They are all ranks of a run, or some of them if a launcher
/// has started several processes.</summary>
internal sealed class RankTeam : IDisposable
{
    private readonly CommandRun _run;

    private RankTeam(CommandRun run, IReadOnlyList<LocalRank> local) => (_run, Local) = (run, local);

    /// <summary>The ranks of this process.</summary>
    public IReadOnlyList<LocalRank> Local { get; }

    /// <summary>The launcher of the ranks; null if this process has all of them.</summary>
    public string? Launcher { get; private init; }

    /// <summary>Number of ranks of the run.</summary>
    public int WorldSize => First.Group.WorldSize;

    /// <summary>The first rank of this process.</summary>
    public LocalRank First => Local[0];

    /// <summary>GPUs of this process's ranks; empty for the CPU.</summary>
    public IReadOnlyList<int> Gpus => [.. Local.Select(rank => rank.Gpu).OfType<int>()];

    /// <summary>Free memory of each in bytes; null if a GPU does not exist.</summary>
    public long? FreeBytes => DeviceSettings.FreeBytes(Gpus) / (Gpus.Count == 0 ? First.Group.LocalSize : 1);

    /// <summary>Whether one of this process's ranks writes files and shows progress.</summary>
    public bool IsLeader => First.IsLeader;

    /// <summary>Finds the ranks that a launcher started, or the GPUs that the user named.</summary>
    /// <exception cref="LapidaryException">The ranks do not find each other, or a device does not exist.</exception>
    /// <param name="run">The command.</param>
    /// <param name="exchanges">Whether the ranks exchange tensors; CPUs need MPI for this.</param>
    public static RankTeam Join(CommandRun run, bool exchanges)
    {
        var place = LaunchPlace.Find();
        if (place.Note is { } note) run.Note(note);
        var gpus = GpusOf(place, run.Values);
        if (exchanges && gpus.Count == 0) Communicator.RequireMpi(place);
        run.Terminal.Awaited = null;
        var limit = TimeSpan.FromSeconds(run.Values.Get(RankSettings.DdpTimeout));
        var options = new RankGroupOptions
        {
            Place = place,
            StartLimit = limit < RankSettings.MaxStart ? limit : RankSettings.MaxStart,
            WaitLimit = limit,
            Lost = line => Leave(run.Terminal, line),
            Note = run.Note,
        };
        var local = LocalRanks.Join(options, gpus, run.Values.Get(DeviceSettings.Threads), run.Interrupted);
        if (place.Launcher is not null) run.Terminal.SpeakAs(local[0].Group.NameOf(local[0].Group.Rank), local[0].IsLeader);
        return new RankTeam(run, local) { Launcher = place.Launcher };
    }

    /// <summary>Runs the work that this process does once for all of its ranks. If it fails, the other ranks are told.</summary>
    public T Run<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (WorldSize > Local.Count)
        {
            bool[] say = [.. Local.Select(rank => rank.Group.Fail(Line(e)))]; // all are told
            bool isSaid = !say.Contains(true);
            if (!isSaid && e is LapidaryException)
            {
                // Before the group ends: the others wait for this, and when they end, a launcher may kill this process.
                _run.Terminal.Error.WriteLine($"lapidary: {_run.Terminal.RankPrefix}{Line(e)}");
                isSaid = true;
            }

            if (isSaid) _run.Terminal.ErrorIsSaid();
            throw;
        }
    }

    /// <summary>Runs the work of each rank of this process, in separate threads if there are several. If one fails, the others are told,
    /// here and in other processes.</summary>
    /// <returns>The result of the first rank's work.</returns>
    public T RunEach<T>(Func<LocalRank, T> work) => LocalRanks.RunEach(Local, work, Line, Fail);

    /// <summary>The value of rank 0's process, in every process.</summary>
    public string? FromLeader(string? mine)
    {
        if (Local.Count == WorldSize) return mine;
        byte[] bytes = Encoding.UTF8.GetBytes(mine ?? "");
        string leaders = RunEach(rank => Encoding.UTF8.GetString(rank.Group.Gather(bytes)[0]));
        return leaders.Length > 0 ? leaders : null;
    }

    public void Dispose()
    {
        foreach (var rank in Local) rank.Group.Dispose();
    }

    private string Line(Exception e) =>
        e is LapidaryException known ? _run.Line(known) : PlainText.OneLine($"{e.GetType().Name}: {e.Message}");

    /// <summary>A thread in a GPU's collective operation does not wake up any more, so the process ends.</summary>
    private void Fail(LocalRank rank, Exception e)
    {
        _run.Terminal.Error.WriteLine($"lapidary: [{rank.Group.NameOf(rank.Group.Rank)}, {rank.Device}] {Line(e)}");
        TemporaryPaths.DeleteAll();
        RankGroups.Leave(e is OperationCanceledException ? ExitCodes.Interrupted : ExitCodes.Error);
    }

    /// <summary>Another rank is gone, and this one might wait for it for ever.</summary>
    private static void Leave(Terminal terminal, string line)
    {
        terminal.Error.WriteLine($"lapidary: {terminal.RankPrefix}{line}");
        TemporaryPaths.DeleteAll();
        RankGroups.Leave(ExitCodes.Error);
    }

    /// <summary>The GPUs of this process's ranks; empty for the CPU.</summary>
    private static IReadOnlyList<int> GpusOf(LaunchPlace place, SettingValues values)
    {
        // A process that is alone on a machine uses all of its GPUs, unless the user selects some.
        if (place.IsPerNode && DeviceSettings.IsAuto(values) && CudaDevice.Count() is > 0 and var count)
            return [.. Enumerable.Range(0, count)];
        var chosen = DeviceSettings.Gpus(values);
        if (chosen.Count == 0 || place.Launcher is null || place.IsPerNode) return chosen;
        return [DeviceSettings.AreNumbered(values)
            ? chosen[place.DeviceIndex(chosen.Count)]
            : place.DeviceIndex(CudaDevice.Count())];
    }
}
