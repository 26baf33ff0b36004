using System.Diagnostics;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Gemma.Sources;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>What came of a fetch.</summary>
/// <param name="Snapshot">Where the files are.</param>
/// <param name="Elapsed">How long it took.</param>
internal readonly record struct Fetched(Snapshot Snapshot, TimeSpan Elapsed)
{
    /// <summary>With what an earlier fetch from the same repository transferred.</summary>
    public Fetched With(Fetched earlier) => new(
        Snapshot with { TransferredBytes = Snapshot.TransferredBytes + earlier.Snapshot.TransferredBytes }, Elapsed + earlier.Elapsed);
}

/// <summary>The Hub as a command uses it: on a screen with a bar, and ended by Ctrl-C.</summary>
internal static class HubTransfer
{
    /// <summary>The Hub of a command, which tells its notes to people.</summary>
    public static HubOptions OptionsOf(CommandRun run) => (run.Terminal.Hub ?? HubOptions.FromEnvironment()) with { Note = run.Note };

    /// <summary>Asks the Hub something, or transfers files.</summary>
    /// <param name="run">The command.</param>
    /// <param name="name">What is transferred, for the bar.</param>
    /// <param name="work">Does it.</param>
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

    /// <summary>Fetches what is not cached of a model, adapter or tokenizer.</summary>
    public static Fetched Fetch(CommandRun run, HubReference reference, HubFiles files)
    {
        long started = Stopwatch.GetTimestamp();
        var snapshot = Run(run, reference.Repo.Id, (hub, progress, stop) => ModelSource.Fetch(reference, files, hub, progress, stop));
        return new Fetched(snapshot, Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Tells people what was fetched: where they have a screen, else where a command's lines for people go. Nothing where all of
    /// it was cached.</summary>
    public static void Log(CommandRun run, TextWriter? log, string name, Fetched fetched)
    {
        if (fetched.Snapshot.TransferredBytes == 0 || !run.Terminal.IsLeader) return;
        var writer = run.Terminal.ErrorIsScreen ? run.Terminal.Error : run.IsJson ? null : log;
        writer?.WriteLine($"fetched    {name}: {fetched.Snapshot.Files} files, {ByteSize.Format(fetched.Snapshot.TransferredBytes)}, "
            + $"{fetched.Elapsed.TotalSeconds:F0} s");
    }
}
