using System.Text.RegularExpressions;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Hub;

namespace Lapidary.Cli.Hub;

/// <summary>Shows files of the cache by the id that the user typed, and not by their long paths.</summary>
internal static class CachedPaths
{
    private const string Snapshot =
        @"[/\\](?:models|datasets|spaces)--(?<owner>[\w.-]+?)--(?<name>[\w.-]+)[/\\]snapshots[/\\][0-9a-f]{40}[/\\]";

    /// <summary>"…/hub/datasets--ada--rows/snapshots/0123…/train.jsonl line 1" becomes "ada/rows/train.jsonl line 1".</summary>
    public static string InIds(string text, Terminal terminal)
    {
        string? folder = FolderOf(terminal);
        if (folder is null || !text.Contains(folder, StringComparison.Ordinal)) return text;
        return Regex.Replace(text, Regex.Escape(Path.TrimEndingDirectorySeparator(folder)) + Snapshot, "${owner}/${name}/");
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
}
