using System.Net;
using System.Net.Http.Headers;
using Lapidary.Formats.Files;
using Lapidary.Hub.Cache;
using Lapidary.Hub.Contracts;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Download;

/// <summary>Fetches a content into a part, continuing where it stopped, and checks its hash.</summary>
/// <remarks>Each attempt begins at the Hub, which tells whether the file is unchanged and returns a storage address that has not
/// expired.</remarks>
internal sealed class FileFetcher(HubOptions options, HubHttp http)
{
    /// <summary>Consecutive attempts without any data.</summary>
    private const int Tries = 5;

    /// <summary>Completes a part; the caller holds its lock. On return, the part is the complete content and flushed to the disk.</summary>
    /// <param name="repo">The repository.</param>
    /// <param name="commit">The commit.</param>
    /// <param name="file">The file.</param>
    /// <param name="path">The part.</param>
    /// <param name="meter">Receives the progress.</param>
    /// <param name="cancellation">Cancels the call; the part stays.</param>
    /// <exception cref="HubException">The Hub refused, cannot be reached, or sent another content, which is deleted.</exception>
    public async Task FetchAsync(
        HubRepo repo, string commit, RepoFile file, string path, TransferMeter meter, CancellationToken cancellation)
    {
        var call = HubCall.Get(http.Urls.Resolve(repo, commit, file.Path)).About(repo, commit, file.Path) with
        {
            IsDownload = true,
            OtherHosts = OtherHosts.Asked,
            Expects = [HttpStatusCode.RequestedRangeNotSatisfiable],
        };
        try
        {
            using var part = PartFile.Open(path, file, cancellation);
            long kept = part.Length;
            meter.Keep(file.Path, kept);
            await CompleteAsync(call, part, meter, cancellation).ConfigureAwait(false);
            if (part.Hash.Finish() != file.Etag)
            {
                // A part of an earlier run may be damaged if the machine crashed; only a full answer proves the Hub wrong.
                if (kept == 0) throw Wrong(call, file, "content with another hash");
                Restart(part, meter);
                await CompleteAsync(call, part, meter, cancellation).ConfigureAwait(false);
                if (part.Hash.Finish() != file.Etag) throw Wrong(call, file, "content with another hash");
            }

            part.Stream.Flush(flushToDisk: true);
        }
        catch (Exception e) when (e is HubException { Error: HubError.WrongContent } || CacheLinks.Length(path) == 0)
        {
            File.Delete(path);
            throw;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Writing(path, e);
        }
    }

    /// <summary>Fetches the bytes that the part lacks.</summary>
    private async Task CompleteAsync(HubCall call, PartFile part, TransferMeter meter, CancellationToken cancellation)
    {
        bool isAsked = false, isRefused = false;
        for (int failures = 0; part.Length < part.File.Size || !isAsked;)
        {
            if (isAsked) await Task.Delay(TimeSpan.FromSeconds(1), options.Time, cancellation).ConfigureAwait(false);
            long before = part.Length;
            var broken = await TryAsync(call, part, meter, isAsked, cancellation).ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
            isAsked = true;
            // A signed address may have expired. The next attempt gets a new one; if that is refused too, its age is not the reason.
            if (broken is HubException { Error: not HubError.Unreachable } && isRefused) throw broken;
            isRefused = broken is HubException { Error: not HubError.Unreachable };
            failures = part.Length > before ? 0 : failures + 1;
            if (failures < Tries || part.Length == part.File.Size) continue;
            throw broken ?? http.Broken(call, call.Url, new HttpIOException(HttpRequestError.ResponseEnded));
        }
    }

    /// <summary>Fetches one answer, from the end of the part on.</summary>
    /// <returns>The error that ended it, or null.</returns>
    private async Task<HubException?> TryAsync(
        HubCall call, PartFile part, TransferMeter meter, bool isRepeated, CancellationToken cancellation)
    {
        long length = part.Length;
        if (length == part.File.Size && length > 0) return null;
        if (length > 0) call = call with { Headers = headers => headers.Range = new RangeHeaderValue(length, null) };
        HubAnswer answer;
        try
        {
            answer = await http.SendAsync(call, cancellation).ConfigureAwait(false);
        }
        catch (HubException e) when (isRepeated && e.Error == HubError.Unreachable && e.InnerException is not null)
        {
            return e; // The network may come back, as it was there before.
        }

        using (answer)
        {
            switch (answer.Message.StatusCode)
            {
                case HttpStatusCode.PartialContent when length > 0:
                    var range = answer.Message.Content.Headers.ContentRange;
                    if (range?.From != length || (range.Length is { } total && total != part.File.Size))
                        throw Wrong(call, part.File, $"bytes from {range?.From} on of {range?.Length} where {length} was asked for");
                    break;
                case HttpStatusCode.RequestedRangeNotSatisfiable:
                    Restart(part, meter);
                    return null;
                case HttpStatusCode.OK:
                    // The server ignored the requested range; the file comes from its beginning.
                    if (length > 0) Restart(part, meter);
                    break;
                default:
                    return await http.ErrorAsync(call, answer, cancellation).ConfigureAwait(false);
            }

            Check(call, answer, part);
            return await CopyAsync(call, answer, part, meter, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<HubException?> CopyAsync(
        HubCall call, HubAnswer answer, PartFile part, TransferMeter meter, CancellationToken cancellation)
    {
        try
        {
            using var body = await answer.OpenAsync(cancellation).ConfigureAwait(false);
            var broken = await BodyWriter.CopyAsync(
                body, part, options.TransferTimeout, bytes => meter.Move(part.File.Path, bytes), cancellation).ConfigureAwait(false);
            return broken is null ? null : http.Broken(call, answer.Url, broken);
        }
        catch (BodyTooLongException)
        {
            throw Wrong(call, part.File, "more bytes than that");
        }
        catch (Exception e) when (e is HttpRequestException or HttpIOException or InvalidDataException)
        {
            return http.Broken(call, answer.Url, e);
        }
    }

    /// <summary>Whether the answer's headers describe the requested file.</summary>
    private static void Check(HubCall call, HubAnswer answer, PartFile part)
    {
        if (answer.Commit is null) throw HubHttp.NoHub(call, "an answer without X-Repo-Commit");
        var file = part.File;
        bool isComparable = ContentHash.IsEtag(answer.Etag) && answer.Etag!.Length == file.Etag.Length;
        if (isComparable && answer.Etag != file.Etag) throw Wrong(call, file, $"a file that changed to hash {answer.Etag}");
        long? length = answer.Length;
        if (length is { } count && count != file.Size - part.Length) throw Wrong(call, file, $"{count + part.Length} bytes");
    }

    private static void Restart(PartFile part, TransferMeter meter)
    {
        meter.Keep(part.File.Path, -part.Length);
        part.Clear();
    }

    private static HubException Wrong(HubCall call, RepoFile file, string found) => new(
        HubError.WrongContent,
        $"{call.Repo!.Id}/{file.Path}: expected {file.Size} bytes with {ContentHash.Describe(file.Etag)}, found {found}; nothing of it was "
        + "kept. Try again later, or tell the repository's owner.");
}
