using System.Diagnostics;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Gemma.Sources;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>The result of a download.</summary>
/// <param name="Snapshot">Where the files are.</param>
/// <param name="Elapsed">How long it took.</param>
internal readonly record struct Fetched(Snapshot Snapshot, TimeSpan Elapsed)
{
    /// <summary>Adds the bytes of an earlier download from the same repository.</summary>
    public Fetched With(Fetched earlier) => new(
        Snapshot with { TransferredBytes = Snapshot.TransferredBytes + earlier.Snapshot.TransferredBytes }, Elapsed + earlier.Elapsed);
}

/// <summary>The Hub client of a command: with a bar on a screen, and cancelled by Ctrl-C.</summary>
internal static class HubTransfer
{
    /// <summary>The client; it shows its notes to the user.</summary>
    public static HubOptions OptionsOf(CommandRun run) => (run.Terminal.Hub ?? HubOptions.FromEnvironment()) with { Note = run.Note };

    /// <summary>Makes a call, or transfers files.</summary>
    /// <param name="run">The command.</param>
    /// <param name="name">The subject of the transfer, for the bar.</param>
    /// <param name="work">The work.</param>
    /// <exception cref="InterruptedException">The user stopped it.</exception>
    public static T Run<T>(
        CommandRun run, string name, Func<HubClient, IProgress<TransferProgress>?, CancellationToken, T> work)
    {
        using var client = new HubClient(OptionsOf(run));
        using var graceful = run.EndsGracefully();
        try
        {
            run.Interrupted.ThrowIfCancellationRequested();
            return TransferScreen.Show(run.Terminal, name, progress => work(client, progress, run.Interrupted));
        }
        catch (OperationCanceledException e) when (e is not InterruptedException && run.Interrupted.IsCancellationRequested)
        {
            throw new InterruptedException("interrupted; what has been transferred is kept: run the same command again to go on.");
        }
    }

    /// <summary>Fetches the uncached files of a model, adapter or tokenizer.</summary>
    public static Fetched Fetch(CommandRun run, HubReference reference, HubFiles files)
    {
        long started = Stopwatch.GetTimestamp();
        var snapshot = Run(run, reference.Repo.Id, (hub, progress, stop) => ModelSource.Fetch(reference, files, hub, progress, stop));
        return new Fetched(snapshot, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Reports a download on the screen, or without a screen among the command's messages. Says nothing if all files were
    /// cached.</summary>
    public static void Log(CommandRun run, TextWriter? log, string name, Fetched fetched)
    {
        if (fetched.Snapshot.TransferredBytes == 0 || !run.Terminal.IsLeader) return;
        var writer = run.Terminal.ErrorIsScreen ? run.Terminal.Error : run.IsJson ? null : log;
        writer?.WriteLine($"fetched    {name}: {Amount.Of(fetched.Snapshot.Files, "file")}, "
            + $"{ByteSize.Format(fetched.Snapshot.TransferredBytes)}, {fetched.Elapsed.TotalSeconds:F0} s");
    }
}
