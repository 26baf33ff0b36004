using System.CommandLine;
using Lapidary.Cli.CommandLine;
using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>Removes parts of the cache: shows what goes and its size, and asks first.</summary>
internal static class CacheRemoval
{
    /// <summary>--yes.</summary>
    public static Option<bool> Yes { get; } = new("--yes") { Description = "Remove without asking." };

    /// <summary>The cached repositories of some ids.</summary>
    /// <param name="run">The command.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="ids">"owner/name".</param>
    /// <exception cref="LapidaryException">One of them is not in the cache, or is there as several kinds of repository.</exception>
    public static IReadOnlyList<CachedRepo> Find(CommandRun run, HubCache cache, IEnumerable<string> ids)
    {
        var all = cache.List();
        return [.. ids.Distinct(StringComparer.Ordinal).Select(id => Find(run, cache, all, id))];
    }

    /// <summary>Removes, if there is anything and the user agrees, and prints what was removed.</summary>
    /// <param name="run">The command.</param>
    /// <param name="removal">What to remove.</param>
    /// <param name="what">In words, with its size.</param>
    public static void Run(CommandRun run, CachePrune removal, string what)
    {
        var (commits, blobs, bytes) = (removal.Commits, removal.Blobs, removal.Bytes);
        bool isNothing = commits + blobs == 0;
        bool removes = !isNothing && (run.Get(Yes) || IsWanted(run, what));
        if (removes) removal.Remove();
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

    private static bool IsWanted(CommandRun run, string what)
    {
        if (run.Terminal.Ask is not { } ask)
        {
            string command = run.Values.Command[(Usage.Tool.Length + 1)..];
            throw new ToolException($"{command} would remove {what}; there is nobody to ask: add --yes to do it.");
        }

        return ask($"Remove {what}? [y/N] ", false).Trim() is "y" or "Y" or "yes" or "Yes" or "YES";
    }

    private static CachedRepo Find(CommandRun run, HubCache cache, IReadOnlyList<CachedRepo> all, string id)
    {
        CachedRepo[] found =
        [
            .. all.Where(repo => repo.Repo.Id == id
                && (!run.Values.IsGiven(HubWords.RepoKind) || repo.Repo.Type == run.Values.Get(HubWords.RepoKind))),
        ];
        if (found is [var one]) return one;
        if (found.Length > 1)
        {
            string kinds = string.Join(" and ", found.Select(repo => SettingText.Format(repo.Repo.Type)));
            throw new ToolException($"{id}: the cache has a {kinds} of this id; name one with --repo-type.");
        }

        string hint = id.Contains('@', StringComparison.Ordinal) ? "leave the revision out, as all of them are removed"
            : NearestName.Of(id, all.Select(repo => repo.Repo.Id)) is { } near ? $"did you mean {near}?"
            : "'lapidary cache' lists what is there";
        throw new ToolException($"{id}: is not in the cache {cache.Folder}; {hint}{(hint.EndsWith('?') ? "" : ".")}");
    }
}
