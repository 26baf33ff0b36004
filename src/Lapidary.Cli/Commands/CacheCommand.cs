using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Cli.Commands;

/// <summary>cache: lists the cache, and removes repositories or content that nobody needs.</summary>
internal static class CacheCommand
{
    public const string Summary = "Show or tidy the cache of the Hugging Face Hub.";

    private const string List = "list", Prune = "prune", Rm = "rm";

    private static readonly Argument<string[]> Ids = new("ID")
    {
        Arity = ArgumentArity.OneOrMore,
        Description = "owner/name of a repository in the cache.",
    };

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("cache", Summary, "", "list --json", "rm google/gemma-3-1b-pt", "prune --yes")
            .Takes(
                new ToolCommand(List, "Show the repositories with their sizes, refs and last use (as cache alone does).", "", "--json")
                    .Takes(ToolCommand.Json)
                    .Runs(terminal, Show),
                new ToolCommand(
                        Rm, "Remove repositories from the cache; shows their size and asks first.", "google/gemma-3-1b-pt",
                        "philschmid/gretel-synthetic-text-to-sql --repo-type dataset --yes")
                    .Takes(Ids)
                    .Takes([HubWords.RepoKind])
                    .Takes(CacheRemoval.Yes, ToolCommand.Json)
                    .Runs(terminal, Remove),
                new ToolCommand(Prune, "Remove commits that no branch or tag names, and files that no commit names.", "", "--yes")
                    .Takes(CacheRemoval.Yes, ToolCommand.Json)
                    .Runs(terminal, RemoveUnused))
            .Takes(ToolCommand.Json)
            .Runs(terminal, Show);

    private static void Show(CommandRun run) => CacheReport.Show(run, new HubCache(HubTransfer.OptionsOf(run)));

    private static void Remove(CommandRun run)
    {
        var cache = new HubCache(HubTransfer.OptionsOf(run));
        var repos = CacheRemoval.Find(run, cache, run.Get(Ids)!);
        var removal = cache.Find(repos.Select(repo => repo.Repo));
        string names = string.Join(", ", repos.Select(repo => $"{SettingText.Format(repo.Repo.Type)} {repo.Repo.Id}"));
        CacheRemoval.Run(run, removal, $"{names}: {Amount.Of(removal.Blobs, "file")}, {ByteSize.Format(removal.Bytes)}");
    }

    private static void RemoveUnused(CommandRun run)
    {
        var unused = new HubCache(HubTransfer.OptionsOf(run)).FindUnused();
        CacheRemoval.Run(
            run, unused,
            $"{Amount.Of(unused.Commits, "commit")} that no branch or tag names and "
            + $"{Amount.Of(unused.Blobs, "file")} that no commit names, "
            + ByteSize.Format(unused.Bytes));
    }
}
