using Lapidary.Formats.Files;
using Lapidary.Hub.Cache;
using Lapidary.Hub.Contracts;

namespace Lapidary.Hub.Download;

/// <summary>The cache, which other programs and processes share.</summary>
internal sealed class CachePlace(HubOptions options, CacheFolder cache, HubRepo repo, string commit) : IPlace
{
    /// <inheritdoc/>
    public string Folder => cache.Snapshot(commit);

    /// <inheritdoc/>
    public void Begin(string revision, IReadOnlyList<RepoFile> files)
    {
        CacheRefs.Write(cache, revision, commit);
        if (files.Count > 0) CachedTree.Write(cache.Tree(commit), files);
    }

    /// <inheritdoc/>
    public bool Has(RepoFile file) => CacheReader.Has(cache, commit, file);

    /// <inheritdoc/>
    public void RequireSpace(IReadOnlyList<RepoFile> missing)
    {
        long bytes = 0;
        foreach (var file in missing.DistinctBy(file => file.Etag))
        {
            if (File.Exists(cache.Blob(file.Etag)) && !options.IsWithoutLinks) continue;
            bytes += file.Size - Math.Min(file.Size, CacheLinks.Length(cache.Part(file.Etag)) ?? 0);
        }

        if (bytes > 0) DiskSpace.Require(options.CacheFolder, bytes);
    }

    /// <inheritdoc/>
    public async Task FillAsync(
        RepoFile file, bool isForced, FileFetcher fetcher, TransferMeter meter, CancellationToken cancellation)
    {
        using var held = await CacheLock.AcquireAsync(
            cache.Lock(file.Etag), options.Time, options.Note, cancellation).ConfigureAwait(false);
        if (!isForced && (Has(file) || TryPoint(file, cancellation)))
        {
            meter.Keep(file.Path, file.Size);
            return;
        }

        await fetcher.FetchAsync(repo, commit, file, cache.Part(file.Etag), meter, cancellation).ConfigureAwait(false);
        CacheLinks.Publish(cache, file.Etag, commit, file.Path, !options.IsWithoutLinks);
    }

    /// <summary>Gives a cached content its file names. Another program may have left the content, so it is hashed first; a damaged one is
    /// fetched again.</summary>
    private bool TryPoint(RepoFile file, CancellationToken cancellation)
    {
        string blob = cache.Blob(file.Etag);
        try
        {
            if (!File.Exists(blob) || !ContentHash.Verify(blob, file.Etag, file.Size, cancellation)) return false;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(blob, e);
        }

        CacheLinks.Point(cache, file.Etag, commit, file.Path, !options.IsWithoutLinks);
        return true;
    }
}
