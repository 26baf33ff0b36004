using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub.Paths;

namespace Lapidary.Hub.Cache;

/// <summary>The commit that a branch or tag had at the last request.</summary>
internal static class CacheRefs
{
    /// <summary>Whether a text is a commit: 40 lower-case hex digits.</summary>
    public static bool IsCommit(string? text) => text is { Length: 40 } && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Refuses a revision that cannot be a file name.</summary>
    public static void Require(string revision)
    {
        if (RepoPaths.Fault(revision) is not { } fault) return;
        throw new LapidaryException($"revision \"{revision}\": expected a branch, tag or commit, found a text that {fault}; correct it.");
    }

    /// <summary>The cached commit of a revision if its folder exists; else null.</summary>
    public static string? Read(CacheFolder cache, string revision)
    {
        string? commit = ReadFile(CacheFolder.Join(cache.Refs, revision)) ?? (IsCommit(revision) ? revision : null);
        return commit is not null && Directory.Exists(cache.Snapshot(commit)) ? commit : null;
    }

    /// <summary>The commit in a file, or null.</summary>
    public static string? ReadFile(string path)
    {
        try
        {
            if (!File.Exists(path) || new FileInfo(path).Length > 100) return null;
            string text = File.ReadAllText(path).Trim();
            return IsCommit(text) ? text : null;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    /// <summary>Stores the commit of a revision. Creates the commit's folder first, because a ref to a missing folder counts as
    /// damage.</summary>
    /// <remarks>No line feed at the end: Python uses the text as a folder name.</remarks>
    public static void Write(CacheFolder cache, string revision, string commit)
    {
        try
        {
            Directory.CreateDirectory(cache.Snapshot(commit));
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(cache.Snapshot(commit), e);
        }

        string path = CacheFolder.Join(cache.Refs, revision);
        if (revision != commit && ReadFile(path) != commit) AtomicFile.WriteAllText(path, commit);
    }
}
