using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Hub.Cache;

namespace Lapidary.Hub;

/// <summary>The parts of the cache that can be removed.</summary>
public sealed class CachePrune
{
    private static readonly TimeSpan PartAge = TimeSpan.FromDays(1);

    private readonly HubOptions _options;
    private readonly List<Unused> _unused;
    private readonly bool _isWhole;

    /// <param name="options">Options with the cache's folder.</param>
    /// <param name="scans">The repositories.</param>
    /// <param name="isWhole">Whether to remove them whole, and not only what nobody needs.</param>
    internal CachePrune(HubOptions options, IEnumerable<CacheScan> scans, bool isWhole)
    {
        (_options, _isWhole) = (options, isWhole);
        _unused = [.. scans.Select(Find).Where(unused => isWhole || unused.Commits.Count + unused.Blobs.Count > 0)];
    }

    /// <summary>Commits to remove.</summary>
    public int Commits => _unused.Sum(unused => unused.Commits.Count);

    /// <summary>Contents to remove: no other commit names them.</summary>
    public int Blobs => _unused.Sum(unused => unused.Blobs.Count);

    /// <summary>Bytes freed by the removal.</summary>
    public long Bytes => _unused.Sum(unused => unused.Bytes);

    /// <summary>Removes them, except those used since the scan.</summary>
    /// <exception cref="LapidaryException">A file or folder cannot be removed, or another process fetches files of a repository that is
    /// to be removed whole.</exception>
    public void Remove()
    {
        foreach (var unused in _unused)
        {
            try
            {
                Remove(unused);
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                throw FileErrors.Writing(unused.Scan.Folder.Root, e);
            }
        }
    }

    /// <remarks>A download takes a content's lock before it creates a link to it. So with the locks held, contents that a second scan finds
    /// unused stay unused.</remarks>
    private void Remove(Unused planned)
    {
        var folder = planned.Scan.Folder;
        var locks = new Dictionary<string, CacheLock>(StringComparer.Ordinal);
        try
        {
            foreach (var blob in planned.Blobs)
            {
                string etag = blob.Name.Split('.')[0];
                if (locks.ContainsKey(etag)) continue;
                if (CacheLock.TryAcquire(folder.Lock(etag)) is { } held) locks.Add(etag, held);
                else if (_isWhole) throw InUse(planned.Scan.Repo);
            }

            var now = Find(CacheScan.Of(_options.CacheFolder, planned.Scan.Repo));
            foreach (string commit in now.Commits.Intersect(planned.Commits))
            {
                FolderMoves.Delete(folder.Snapshot(commit));
                FolderMoves.Delete(Path.Combine(folder.Missing, commit));
                if (File.Exists(folder.Tree(commit))) File.Delete(folder.Tree(commit)); // older versions of huggingface_hub have no lists
            }

            var names = planned.Blobs.Select(blob => blob.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var blob in now.Blobs)
                if (names.Contains(blob.Name) && locks.ContainsKey(blob.Name.Split('.')[0])) blob.Delete();
            var left = CacheScan.Of(_options.CacheFolder, planned.Scan.Repo);
            bool isEmpty = left.Commits.Count + left.Blobs.Count == 0;
            if (isEmpty && (_isWhole || left.Refs.Count == 0)) FolderMoves.Delete(folder.Root);
        }
        finally
        {
            foreach (var held in locks.Values) held.Dispose();
        }
    }

    private static HubException InUse(HubRepo repo) =>
        new(HubError.Other, $"{repo.Id}: another process fetches its files; wait until it ends.");

    private Unused Find(CacheScan scan)
    {
        HashSet<string> named = _isWhole ? [] : scan.Refs.Values.ToHashSet(StringComparer.Ordinal);
        List<string> commits = [.. scan.Commits.Keys.Where(commit => !named.Contains(commit))];
        var used = scan.Commits.Where(commit => named.Contains(commit.Key)).SelectMany(commit => commit.Value.Blobs)
            .ToHashSet(StringComparer.Ordinal);
        var old = _options.Time.GetUtcNow() - PartAge;
        List<FileInfo> blobs =
        [
            .. scan.Blobs.Where(blob =>
                _isWhole || (CacheScan.IsPart(blob) ? blob.LastWriteTimeUtc < old : !used.Contains(blob.Name))),
        ];
        long bytes = blobs.Sum(CacheScan.Bytes) + commits.SelectMany(commit => scan.Commits[commit].Files).Sum(CacheScan.Bytes);
        return new Unused(scan, commits, blobs, bytes);
    }

    private sealed record Unused(CacheScan Scan, List<string> Commits, List<FileInfo> Blobs, long Bytes);
}
