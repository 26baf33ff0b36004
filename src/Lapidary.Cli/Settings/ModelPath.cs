using Lapidary.Cli.CommandLine;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Settings;

/// <summary>Finds a model's folder: a folder as it is, or a Hugging Face id in the local cache. Never the network.</summary>
internal static class ModelPath
{
    private const int MaxCommitBytes = 4096;

    /// <summary>The folder.</summary>
    /// <exception cref="ToolException">There is none; the message says how to get it.</exception>
    public static string Find(string folderOrId)
    {
        if (Directory.Exists(folderOrId)) return folderOrId;
        if (!IsId(folderOrId)) throw new ToolException($"{folderOrId}: expected a model folder, found none; check the path.");
        return FindInCache(folderOrId) ?? throw new ToolException(
            $"{folderOrId}: no such folder, and not in the Hugging Face cache ({CacheFolder()}). Download it first: accept the licence at "
            + $"https://huggingface.co/{folderOrId}, then run 'hf download {folderOrId} --local-dir {folderOrId}' (or "
            + $"'git clone https://huggingface.co/{folderOrId}', or save its files with a browser) and give the folder as --model.");
    }

    /// <summary>"google/gemma-3-1b-pt": owner and name, nothing else.</summary>
    private static bool IsId(string text) =>
        text.Split('/') is [{ Length: > 0 } owner, { Length: > 0 } name]
        && (owner + name).All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
        && !owner.StartsWith('.') && !name.StartsWith('.');

    private static string CacheFolder()
    {
        if (Environment.GetEnvironmentVariable("HF_HUB_CACHE") is { Length: > 0 } hub) return hub;
        string home = Environment.GetEnvironmentVariable("HF_HOME") is { Length: > 0 } given
            ? given
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "huggingface");
        return Path.Combine(home, "hub");
    }

    /// <summary>The snapshot that refs/main names, else the newest.</summary>
    private static string? FindInCache(string id)
    {
        string model = Path.Combine(CacheFolder(), "models--" + id.Replace("/", "--", StringComparison.Ordinal));
        string snapshots = Path.Combine(model, "snapshots"), main = Path.Combine(model, "refs", "main");
        if (!Directory.Exists(snapshots)) return null;
        if (File.Exists(main) && InputFile.ReadAllText(main, MaxCommitBytes).Trim() is { Length: 40 } commit
            && commit.All(char.IsAsciiHexDigit) && Directory.Exists(Path.Combine(snapshots, commit)))
        {
            return Path.Combine(snapshots, commit);
        }

        return Directory.GetDirectories(snapshots).OrderByDescending(Directory.GetLastWriteTimeUtc).FirstOrDefault();
    }
}
