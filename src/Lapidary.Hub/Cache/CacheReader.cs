using Lapidary.Formats.Files;

namespace Lapidary.Hub.Cache;

/// <summary>Reads the cache without a request. It always goes through the folder of a commit, because the cache may hold links, links to
/// links, or files.</summary>
internal static class CacheReader
{
    /// <summary>The files of a cached commit: all of its files if its list is cached too, else only the files present.</summary>
    public static IReadOnlyList<RepoFile> Files(CacheFolder cache, string commit) =>
        CachedTree.Read(cache.Tree(commit)) ?? Present(cache, commit);

    /// <summary>Whether a file exists with the expected length.</summary>
    public static bool Has(CacheFolder cache, string commit, RepoFile file) =>
        CacheLinks.Length(cache.Pointer(commit, file.Path)) == file.Size;

    private static List<RepoFile> Present(CacheFolder cache, string commit)
    {
        string folder = cache.Snapshot(commit);
        var files = new List<RepoFile>();
        try
        {
            foreach (string path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            {
                if (CacheLinks.Length(path) is not { } size) continue;
                string name = Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/');
                string etag = Path.GetFileName(new FileInfo(path).LinkTarget ?? "");
                files.Add(new RepoFile(name, size, etag, etag.Length == 64 ? etag : null));
            }
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(folder, e);
        }

        files.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return files;
    }
}
