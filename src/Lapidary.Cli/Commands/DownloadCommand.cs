using System.CommandLine;
using System.Diagnostics;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Cli.Runs;
using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Cli.Commands;

/// <summary>download: fetches files of a repository into the cache or a folder.</summary>
internal static class DownloadCommand
{
    public const string Summary = "Download a model or a data set of the Hugging Face Hub into the shared cache.";

    private static readonly Argument<string> Id =
        new("ID") { Description = "owner/name, or owner/name@REVISION." };

    private static readonly Setting<string?> LocalDir =
        Setting.Text("local-dir", "DIR", "Folder for the files themselves, instead of the cache.");

    private static readonly Setting<bool> Force = Setting.Flag("force", "Fetch files again that are there.");

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("download", Summary,
                "google/gemma-3-1b-pt",
                "google/gemma-3-1b-pt --include \"*.json\" --include \"tokenizer*\" --json",
                "philschmid/gretel-synthetic-text-to-sql --repo-type dataset",
                "google/gemma-3-1b-it@main --local-dir gemma-3-1b-it")
            .Takes(Id)
            .Takes(HubWords.RepoKind, HubWords.Revision)
            .Takes(HubWords.Include, HubWords.Exclude)
            .Takes(LocalDir, Force)
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        var reference = HubWords.Reference(run, run.Get(Id)!);
        string[] include = run.Get(HubWords.Include) ?? [], exclude = run.Get(HubWords.Exclude) ?? [];
        var options = new DownloadOptions
        {
            Include = include,
            Exclude = exclude,
            LocalDir = run.Values.Get(LocalDir),
            Force = run.Values.Get(Force),
        };
        if (reference.Revision is { } revision) options = options with { Revision = revision };
        long started = Stopwatch.GetTimestamp();
        var snapshot = Download(run, reference, options);
        var elapsed = Stopwatch.GetElapsedTime(started);
        run.Print(
            json =>
            {
                json.WriteString("path", snapshot.Path);
                json.WriteString("commit", snapshot.Commit);
                json.WriteNumber("files", snapshot.Files);
                json.WriteNumber("bytes", snapshot.Bytes);
            },
            text =>
            {
                text.WriteLine($"{reference.Repo.Id}: {Amount.Of(snapshot.Files, "file")}, {ByteSize.Format(snapshot.Bytes)}, "
                    + (snapshot.TransferredBytes == 0
                        ? "all of them here already"
                        : $"{ByteSize.Format(snapshot.TransferredBytes)} fetched in {elapsed.TotalSeconds:F0} s"));
                text.WriteLine($"commit     {snapshot.Commit}");
                text.WriteLine($"folder     {snapshot.Path}");
                if (include.Length + exclude.Length > 0) return;
                string name = options.LocalDir ?? reference.ToString();
                if (NextSteps.AfterDownload(reference.Repo.Type, name, snapshot.Path) is { } next) NextSteps.Show(text, next);
            });
    }

    private static Snapshot Download(CommandRun run, HubReference reference, DownloadOptions options)
    {
        try
        {
            return HubTransfer.Run(run, reference.Repo.Id, (hub, progress, stop) =>
                hub.DownloadAsync(reference.Repo, options with { Progress = progress }, stop).GetAwaiter().GetResult());
        }
        catch (HubException e)
        {
            throw HubWords.Explain(run, e);
        }
    }
}
