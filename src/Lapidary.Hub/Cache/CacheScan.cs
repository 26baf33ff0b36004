using Lapidary.Formats.Files;

namespace Lapidary.Hub.Cache;

/// <summary>The content of a repository's folder, whichever program wrote it: links to contents, links to links, or files where links were
/// not possible.</summary>
internal sealed class CacheScan
{
    private CacheScan(string hub, HubRepo repo) => (Repo, Folder) = (repo, new CacheFolder(hub, repo));

    /// <summary>The repository.</summary>
    public HubRepo Repo { get; }

    /// <summary>Its folder.</summary>
    public CacheFolder Folder { get; }

    /// <summary>Branches and tags with their commits.</summary>
    public SortedDictionary<string, string> Refs { get; } = new(StringComparer.Ordinal);

    /// <summary>Commits, with the names of the contents that their links lead to and the sizes of their regular files.</summary>
    public SortedDictionary<string, (HashSet<string> Blobs, List<FileInfo> Files)> Commits { get; } = new(StringComparer.Ordinal);

    /// <summary>Contents, complete or incomplete.</summary>
    public List<FileInfo> Blobs { get; } = [];

    /// <summary>All repositories of a cache, by type and id.</summary>
    /// <exception cref="Formats.LapidaryException">The cache cannot be read.</exception>
    public static List<CacheScan> All(string hub)
    {
        try
        {
            if (!Directory.Exists(hub)) return [];
            return
            [
                .. Directory.EnumerateDirectories(hub).Select(path => CacheFolder.Repo(Path.GetFileName(path))).OfType<HubRepo>()
                    .OrderBy(repo => repo.Type).ThenBy(repo => repo.Id, StringComparer.Ordinal).Select(repo => Of(hub, repo)),
            ];
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(hub, e);
        }
    }

    /// <summary>One repository.</summary>
    public static CacheScan Of(string hub, HubRepo repo)
    {
        var scan = new CacheScan(hub, repo);
        scan.Read();
        return scan;
    }

    /// <summary>Bytes that a file uses on the disk; 0 for a link to a content that several repositories share.</summary>
    public static long Bytes(FileInfo file) => file.LinkTarget is null && file.Exists ? file.Length : 0;

    /// <summary>Whether it is an incomplete content.</summary>
    public static bool IsPart(FileInfo blob) => blob.Name.EndsWith(".incomplete", StringComparison.Ordinal);

    /// <summary>The public description.</summary>
    public CachedRepo Describe()
    {
        List<FileInfo> own = [.. Blobs, .. Commits.Values.SelectMany(commit => commit.Files)];
        var contents = own.Where(file => !IsPart(file)).ToList();
        long bytes = own.Sum(file => file.LinkTarget is null ? Bytes(file) : CacheLinks.Length(file.FullName) ?? 0);
        var used = own.Select(file => file.LastAccessTimeUtc > file.LastWriteTimeUtc ? file.LastAccessTimeUtc : file.LastWriteTimeUtc);
        return new CachedRepo(
            Repo, bytes, contents.Count, Refs,
            [.. Commits.Where(commit => commit.Value.Blobs.Count + commit.Value.Files.Count > 0).Select(commit => commit.Key)],
            used.DefaultIfEmpty(DateTime.UnixEpoch).Max());
    }

    private void Read()
    {
        foreach (string path in Below(Folder.Refs))
        {
            if (CacheRefs.ReadFile(path) is { } commit)
                Refs[Path.GetRelativePath(Folder.Refs, path).Replace(Path.DirectorySeparatorChar, '/')] = commit;
        }

        if (Directory.Exists(Folder.Blobs)) Blobs.AddRange(new DirectoryInfo(Folder.Blobs).EnumerateFiles());
        if (!Directory.Exists(Folder.Snapshots)) return;
        foreach (string snapshot in Directory.EnumerateDirectories(Folder.Snapshots))
        {
            HashSet<string> blobs = new(StringComparer.Ordinal);
            List<FileInfo> files = [];
            foreach (var file in Below(snapshot).Select(path => new FileInfo(path)))
            {
                if (file.LinkTarget is { } target) blobs.Add(Path.GetFileName(target));
                else files.Add(file);
            }

            Commits[Path.GetFileName(snapshot)] = (blobs, files);
        }
    }

    private static IEnumerable<string> Below(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories) : [];
}
