using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Cli.Commands;

/// <summary>cache: lists the cache, and removes content that nobody needs.</summary>
internal static class CacheCommand
{
    public const string Summary = "Show or tidy the cache of the Hugging Face Hub.";

    private const string List = "list", Prune = "prune";

    private static readonly Option<bool> Yes = new("--yes") { Description = "Remove without asking." };

    public static ToolCommand Create(Terminal terminal) =>
        new ToolCommand("cache", Summary, "", "list --json", "prune --yes")
            .Takes(
                new ToolCommand(List, "Show the repositories with their sizes, refs and last use (as cache alone does).", "", "--json")
                    .Takes(ToolCommand.Json)
                    .Runs(terminal, Show),
                new ToolCommand(Prune, "Remove commits that no branch or tag names, and files that no commit names.", "", "--yes")
                    .Takes(Yes, ToolCommand.Json)
                    .Runs(terminal, Remove))
            .Takes(ToolCommand.Json)
            .Runs(terminal, Show);

    private static void Show(CommandRun run) => CacheReport.Show(run, new HubCache(HubTransfer.OptionsOf(run)));

    private static void Remove(CommandRun run)
    {
        var cache = new HubCache(HubTransfer.OptionsOf(run));
        var unused = cache.FindUnused();
        bool isNothing = unused.Commits + unused.Blobs == 0;
        string what = $"{Count(unused.Commits, "commit")} that no branch or tag names and {Count(unused.Blobs, "file")} that no commit "
            + $"names, {ByteSize.Format(unused.Bytes)}";
        var (commits, blobs, bytes) = (unused.Commits, unused.Blobs, unused.Bytes);
        bool removes = !isNothing && (run.Get(Yes) || IsWanted(run, what));
        if (removes) unused.Remove();
        run.PrintSummary(
            json =>
            {
                json.WriteNumber("commits", removes ? commits : 0);
                json.WriteNumber("blobs", removes ? blobs : 0);
                json.WriteNumber("bytes", removes ? bytes : 0);
            },
            people => people.WriteLine(
                isNothing ? "there is nothing to remove" : removes ? $"removed    {what}" : "nothing was removed"));
    }

    private static string Count(int number, string what) => number == 1 ? $"1 {what}" : $"{number} {what}s";

    private static bool IsWanted(CommandRun run, string what)
    {
        if (run.Terminal.Ask is not { } ask)
            throw new ToolException($"cache {Prune} would remove {what}; there is nobody to ask: add --yes to do it.");
        return ask($"Remove {what}? [y/N] ", false).Trim() is "y" or "Y" or "yes" or "Yes" or "YES";
    }
}
