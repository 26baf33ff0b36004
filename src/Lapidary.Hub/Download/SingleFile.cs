using System.Net;
using Lapidary.Formats.Files;
using Lapidary.Hub.Cache;
using Lapidary.Hub.Contracts;
using Lapidary.Hub.Http;
using Lapidary.Hub.Paths;

namespace Lapidary.Hub.Download;

/// <summary>Fetches one file into the cache by its name, without the repository's list of files: a HEAD request returns commit, hash and
/// size.</summary>
internal sealed class SingleFile(HubOptions options, HubHttp http)
{
    /// <summary>Fetches the file, or finds it in the cache.</summary>
    /// <returns>Its path on this machine.</returns>
    public async Task<string> RunAsync(HubRepo repo, string path, DownloadOptions wanted, CancellationToken cancellation)
    {
        RepoPaths.Require(repo, [path], ignoresCase: false);
        CacheRefs.Require(wanted.Revision);
        var cache = new CacheFolder(options.CacheFolder, repo);
        string? cached = Cached(cache, wanted.Revision, path);
        if (cached is not null && !wanted.Force && (options.IsOffline || CacheRefs.IsCommit(wanted.Revision))) return cached;
        if (options.IsOffline)
        {
            throw new HubException(
                HubError.Offline, $"{repo.Id}: offline (HF_HUB_OFFLINE), and {path} of revision \"{wanted.Revision}\" is not in the cache "
                + $"{options.CacheFolder}; go online once.");
        }

        HubAnswer answer;
        var call = new HubCall(HttpMethod.Head, http.Urls.Resolve(repo, wanted.Revision, path)).About(repo, wanted.Revision, path) with
        {
            IsDownload = true,
            OtherHosts = OtherHosts.NotAsked,
            Retries = cached is null ? HubRetries.Most : 1,
            Expects = [HttpStatusCode.NotFound],
        };
        try
        {
            answer = await http.SendAsync(call, cancellation).ConfigureAwait(false);
        }
        catch (HubException e) when (cached is not null && !wanted.Force && OfflineSnapshot.MayReplace(e))
        {
            options.Note?.Invoke($"{e.Message} Using what is cached of {repo.Id}.");
            return cached;
        }

        using (answer)
        {
            if (answer.Message.StatusCode == HttpStatusCode.NotFound)
            {
                NoteAbsent(cache, wanted.Revision, path, answer);
                throw await http.ErrorAsync(call, answer, cancellation).ConfigureAwait(false);
            }

            if (!CacheRefs.IsCommit(answer.Commit)) throw HubHttp.NoHub(call, "an answer without the commit (X-Repo-Commit)");
            if (!ContentHash.IsEtag(answer.Etag)) throw HubHttp.NoHub(call, "an answer without the file's hash (ETag)");
            var file = new RepoFile(
                path, answer.Size ?? throw HubHttp.NoHub(call, "an answer without the file's length"),
                answer.Etag!, answer.Etag!.Length == 64 ? answer.Etag : null);
            return await FetchAsync(repo, cache, answer.Commit!, file, wanted, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<string> FetchAsync(
        HubRepo repo, CacheFolder cache, string commit, RepoFile file, DownloadOptions wanted, CancellationToken cancellation)
    {
        CacheFolder.Prepare(options.CacheFolder);
        var place = new CachePlace(options, cache, repo, commit);
        place.Begin(wanted.Revision, []);
        var meter = new TransferMeter(wanted.Progress, options.Time, 1, file.Size);
        if (!wanted.Force && place.Has(file))
        {
            meter.Keep(file.Path, file.Size);
        }
        else
        {
            place.RequireSpace([file]);
            await place.FillAsync(file, wanted.Force, new FileFetcher(options, http), meter, cancellation).ConfigureAwait(false);
        }

        meter.Finish(file.Path);
        return cache.Pointer(commit, file.Path);
    }

    private static string? Cached(CacheFolder cache, string revision, string path) =>
        CacheRefs.Read(cache, revision) is { } commit && CacheLinks.Length(cache.Pointer(commit, path)) is not null
            ? cache.Pointer(commit, path) : null;

    /// <summary>Records that a commit lacks a file, so that this is known offline too.</summary>
    private void NoteAbsent(CacheFolder cache, string revision, string path, HubAnswer answer)
    {
        if (answer.Header("X-Error-Code") != "EntryNotFound" || !CacheRefs.IsCommit(answer.Commit)) return;
        CacheFolder.Prepare(options.CacheFolder);
        CacheRefs.Write(cache, revision, answer.Commit!);
        AtomicFile.WriteAllText(cache.Absent(answer.Commit!, path), "");
    }
}
