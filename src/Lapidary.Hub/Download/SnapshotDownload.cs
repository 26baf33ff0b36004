using Lapidary.Hub.Cache;
using Lapidary.Hub.Contracts;
using Lapidary.Hub.Http;
using Lapidary.Hub.Paths;

namespace Lapidary.Hub.Download;

/// <summary>Fetches files of a repository, all from one commit: asks for the revision's commit and its list of files, then fetches the
/// wanted files that are missing.</summary>
internal sealed class SnapshotDownload(HubOptions options, HubHttp http)
{
    private readonly FileFetcher _fetcher = new(options, http);

    /// <summary>Asks the Hub about repositories.</summary>
    public RepoQueries Queries { get; } = new(options, http);

    /// <summary>The files of a revision; if the Hub cannot be reached, those in the cache.</summary>
    public async Task<IReadOnlyList<RepoFile>> ListAsync(HubRepo repo, string revision, CancellationToken cancellation)
    {
        var cache = new CacheFolder(options.CacheFolder, repo);
        var offline = new OfflineSnapshot(options, repo, cache);
        if (options.IsOffline) return offline.List(revision);
        if (CacheRefs.IsCommit(revision) && CachedTree.Read(cache.Tree(revision)) is { } known) return known;
        try
        {
            return (await AskAsync(repo, cache, revision, cancellation).ConfigureAwait(false)).Files;
        }
        catch (HubException e) when (OfflineSnapshot.MayReplace(e) && CacheRefs.Read(cache, revision) is { } commit)
        {
            options.Note?.Invoke($"{e.Message} Using what is cached of {repo.Id} (commit {commit[..8]}).");
            return offline.List(revision);
        }
    }

    /// <summary>Fetches the files, or finds them in the cache.</summary>
    public async Task<Snapshot> RunAsync(HubRepo repo, DownloadOptions wanted, CancellationToken cancellation)
    {
        CacheRefs.Require(wanted.Revision);
        var cache = new CacheFolder(options.CacheFolder, repo);
        var offline = new OfflineSnapshot(options, repo, cache);
        if (options.IsOffline) return offline.Require(wanted);
        if (CacheRefs.IsCommit(wanted.Revision) && !wanted.Force && offline.Find(wanted, wanted.Revision) is { } complete) return complete;
        string commit;
        IReadOnlyList<RepoFile> files;
        try
        {
            (commit, files) = await AskAsync(repo, cache, wanted.Revision, cancellation).ConfigureAwait(false);
        }
        catch (HubException e) when (OfflineSnapshot.MayReplace(e) && !wanted.Force && offline.Find(wanted) is { } cached)
        {
            options.Note?.Invoke($"{e.Message} Using what is cached of {repo.Id} (commit {cached.Commit[..8]}).");
            return cached;
        }

        string folder = wanted.LocalDir is null ? options.CacheFolder : LocalFolder.Prepare(wanted.LocalDir);
        if (wanted.LocalDir is null) CacheFolder.Prepare(folder);
        bool ignoresCase = wanted.LocalDir is null ? CacheFolder.IgnoresCase(folder) : LocalFolder.IgnoresCase(folder);
        RepoPaths.Require(repo, files.Select(file => file.Path), ignoresCase);
        var selected = Selection.Select(repo, files, wanted);
        IPlace place = wanted.LocalDir is null
            ? new CachePlace(options, cache, repo, commit) : new LocalFolder(options, cache, repo, commit, folder);
        place.Begin(wanted.Revision, files);
        var meter = new TransferMeter(wanted.Progress, options.Time, selected.Count, selected.Sum(file => file.Size));
        var missing = new List<RepoFile>();
        foreach (var file in selected)
        {
            if (wanted.Force || !place.Has(file))
            {
                missing.Add(file);
                continue;
            }

            meter.Keep(file.Path, file.Size);
            meter.Finish(file.Path);
        }

        place.RequireSpace(missing);
        // The largest first. Files with the same content follow each other, because the later ones are links to the first.
        await Parallel.ForEachAsync(
            missing.GroupBy(file => file.Etag).OrderByDescending(files => files.First().Size),
            new ParallelOptions { MaxDegreeOfParallelism = options.MaxParallel, CancellationToken = cancellation },
            async (same, token) =>
            {
                foreach (var file in same)
                {
                    await place.FillAsync(file, wanted.Force, _fetcher, meter, token).ConfigureAwait(false);
                    meter.Finish(file.Path);
                }
            }).ConfigureAwait(false);
        return new Snapshot(place.Folder, commit, selected.Count, selected.Sum(file => file.Size), meter.Transferred);
    }

    private async Task<(string Commit, IReadOnlyList<RepoFile> Files)> AskAsync(
        HubRepo repo, CacheFolder cache, string revision, CancellationToken cancellation)
    {
        // If all files are cached, the user does not wait long for the Hub to report newer ones.
        int retries = CacheRefs.Read(cache, revision) is null ? HubRetries.Most : 1;
        var info = await Queries.InfoAsync(repo, revision, retries, cancellation).ConfigureAwait(false);
        return (info.Commit, await Queries.FilesAsync(repo, info.Commit, cancellation).ConfigureAwait(false));
    }
}
