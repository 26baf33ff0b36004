using System.Text.RegularExpressions;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>Shows files of the cache by the id that the user typed, and not by their long paths.</summary>
internal static partial class CachedPaths
{
    /// <summary>"…/hub/datasets--ada--rows/snapshots/0123…/train.jsonl line 1" becomes "ada/rows/train.jsonl line 1".</summary>
    public static string InIds(string text, Terminal terminal)
    {
        string? folder = FolderOf(terminal);
        if (folder is null || !text.Contains(folder, StringComparison.Ordinal)) return text;
        return Snapshot().Replace(text.Replace(Path.TrimEndingDirectorySeparator(folder), "", StringComparison.Ordinal), "${owner}/${name}/");
    }

    private static string? FolderOf(Terminal terminal)
    {
        try
        {
            return (terminal.Hub ?? HubOptions.FromEnvironment()).CacheFolder;
        }
        catch (LapidaryException)
        {
            return null; // the variables are wrong, which is another error
        }
    }

    [GeneratedRegex(@"[/\\](?:models|datasets|spaces)--(?<owner>[\w.-]+?)--(?<name>[\w.-]+)[/\\]snapshots[/\\][0-9a-f]{40}[/\\]")]
    private static partial Regex Snapshot();
}
