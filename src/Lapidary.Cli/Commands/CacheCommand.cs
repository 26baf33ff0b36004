using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Hub;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Cli.Commands;

/// <summary>cache: what is in the cache, and the removal of what nobody needs.</summary>
internal static class CacheCommand
{
    private const string List = "list", Prune = "prune";

    private static readonly Argument<string> Action = new("ACTION")
    {
        Description = $"{List}: the repositories with sizes, refs and last use.\n"
            + $"{Prune}: remove commits that no branch or tag names, and files that no commit names.",
        DefaultValueFactory = _ => List,
    };

    private static readonly Option<bool> Yes = new("--yes") { Description = "Remove without asking." };

    public static Command Create(Terminal terminal) =>
        new ToolCommand("cache", "Show or tidy the cache of the Hugging Face Hub.", "", "list --json", "prune --yes")
            .Takes(Action)
            .Takes(Yes)
            .Takes(ToolCommand.Json)
            .Runs(terminal, Run);

    private static void Run(CommandRun run)
    {
        var cache = new HubCache(HubTransfer.OptionsOf(run));
        switch (run.Get(Action))
        {
            case List when run.Get(Yes): throw run.Wrong($"--yes is for cache {Prune}.");
            case List: CacheReport.Show(run, cache); break;
            case Prune: Remove(run, cache); break;
            case var word: throw run.Wrong($"expected {List} or {Prune}, found {word}.");
        }
    }

    private static void Remove(CommandRun run, HubCache cache)
    {
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
