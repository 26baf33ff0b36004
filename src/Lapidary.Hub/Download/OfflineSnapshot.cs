using Lapidary.Formats;
using Lapidary.Hub.Cache;

namespace Lapidary.Hub.Download;

/// <summary>Finds files of a repository on this machine without a request.</summary>
internal sealed class OfflineSnapshot(HubOptions options, HubRepo repo, CacheFolder cache)
{
    /// <summary>Whether cached files may replace a missing answer. A refusal is an answer.</summary>
    public static bool MayReplace(HubException e) =>
        e.Error is HubError.Unreachable or HubError.RateLimited or HubError.ServerFailed;

    /// <summary>The wanted files.</summary>
    /// <exception cref="HubException">Some files are missing.</exception>
    public Snapshot Require(DownloadOptions wanted)
    {
        string commit = Commit(wanted) ?? throw NotCached(wanted.Revision);
        var place = Place(wanted, commit);
        List<RepoFile> selected;
        try
        {
            selected = Selection.Select(repo, Files(place, commit), wanted, " of the cache");
        }
        catch (LapidaryException e) when (e is not HubException)
        {
            throw new HubException(HubError.Offline, $"{e.Message} It is offline (HF_HUB_OFFLINE), so nothing is fetched.", e);
        }

        string[] missing = [.. selected.Where(file => !place.Has(file)).Select(file => file.Path)];
        if (missing.Length == 0 && selected.Count > 0) return Found(place, commit, selected);
        string what = missing.Length switch
        {
            0 => "none of its files is",
            1 => $"{missing[0]} is",
            _ => $"{missing[0]} and {missing.Length - 1} more are",
        };
        throw new HubException(
            HubError.Offline,
            $"{repo.Id}: offline (HF_HUB_OFFLINE), and {what} not in {place.Folder} (revision \"{wanted.Revision}\"); go online once.");
    }

    /// <summary>The files of a cached revision: all of its files if its list is cached too, else only the files present.</summary>
    /// <exception cref="HubException">It is not cached.</exception>
    public IReadOnlyList<RepoFile> List(string revision) =>
        CacheReader.Files(cache, CacheRefs.Read(cache, revision) ?? throw NotCached(revision));

    /// <summary>The wanted files if all are present, else null.</summary>
    /// <param name="wanted">The selection.</param>
    /// <param name="commit">A commit whose list of files must be known; null for the revision's commit at the last request, and for the
    /// files present.</param>
    public Snapshot? Find(DownloadOptions wanted, string? commit = null)
    {
        bool isExact = commit is not null;
        commit ??= Commit(wanted);
        if (commit is null) return null;
        var place = Place(wanted, commit);
        if (isExact && Tree(place, commit) is null) return null;
        try
        {
            var selected = Selection.Select(repo, Files(place, commit), wanted);
            return selected.Count > 0 && selected.All(place.Has) ? Found(place, commit, selected) : null;
        }
        catch (LapidaryException)
        {
            return null; // A pattern matches nothing of what is there.
        }
    }

    private string? Commit(DownloadOptions wanted) => CacheRefs.Read(cache, wanted.Revision)
        ?? (wanted.LocalDir is null ? null
            : CacheRefs.IsCommit(wanted.Revision) ? wanted.Revision : LocalFolder.NewestCommit(wanted.LocalDir));

    private IPlace Place(DownloadOptions wanted, string commit) => wanted.LocalDir is null
        ? new CachePlace(options, cache, repo, commit)
        : new LocalFolder(options, cache, repo, commit, Path.GetFullPath(wanted.LocalDir));

    private IReadOnlyList<RepoFile>? Tree(IPlace place, string commit) =>
        (place as LocalFolder)?.Files() ?? CachedTree.Read(cache.Tree(commit));

    private IReadOnlyList<RepoFile> Files(IPlace place, string commit) =>
        Tree(place, commit) ?? (Directory.Exists(cache.Snapshot(commit)) ? CacheReader.Files(cache, commit) : []);

    private static Snapshot Found(IPlace place, string commit, List<RepoFile> selected) =>
        new(place.Folder, commit, selected.Count, selected.Sum(file => file.Size), 0);

    private HubException NotCached(string revision) => new(
        HubError.Offline,
        $"{repo.Id}: offline (HF_HUB_OFFLINE), and revision \"{revision}\" is not in the cache {options.CacheFolder}; go online once, or "
        + "choose another cache (HF_HUB_CACHE).");
}
