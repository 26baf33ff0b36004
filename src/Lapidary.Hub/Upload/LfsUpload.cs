using System.Globalization;
using System.Net;
using Lapidary.Formats;
using Lapidary.Hub.Contracts;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Upload;

/// <summary>Uploads contents to storage by Git LFS: one request returns the addresses, and each content goes there whole or in parts.
/// Contents that are already stored, as after an interrupted upload, are not sent.</summary>
/// <param name="http">Sends requests.</param>
/// <param name="repo">The repository.</param>
/// <param name="branch">Its branch.</param>
/// <param name="options">Clock and limits.</param>
internal sealed class LfsUpload(HubHttp http, HubRepo repo, string branch, HubOptions options)
{
    /// <summary>Number of parallel uploads, as storage asks of its clients.</summary>
    private const int MaxParallel = 5;

    /// <summary>Attempts to send a content or a part while the connection breaks.</summary>
    private const int MaxAttempts = 5;

    /// <summary>The slowest connection for which an attempt may use its full time.</summary>
    private const long LeastBytesPerSecond = 50_000;

    /// <summary>Attempts if storage takes the bytes and does not answer; each of them waits long.</summary>
    private const int MaxSilentAttempts = 2;

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromMinutes(1);

    /// <summary>Storage's statuses for an address that is no longer valid.</summary>
    private static readonly HttpStatusCode[] Expired =
        [HttpStatusCode.BadRequest, HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden, HttpStatusCode.NotFound, HttpStatusCode.Gone];

    /// <summary>Uploads the contents of files.</summary>
    /// <param name="files">Files whose content goes to storage.</param>
    /// <param name="meter">Receives the progress.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="HubException">The Hub or its storage refused or cannot be reached.</exception>
    /// <exception cref="LapidaryException">A file has changed.</exception>
    public async Task SendAsync(IReadOnlyList<PlannedFile> files, TransferMeter meter, CancellationToken cancellation)
    {
        PlannedFile[] contents = [.. files.DistinctBy(file => file.Oid)];
        if (contents.Length == 0) return;
        var targets = await AskAsync(contents, cancellation).ConfigureAwait(false);
        var limits = new ParallelOptions
        {
            MaxDegreeOfParallelism = Math.Min(options.MaxParallel, MaxParallel),
            CancellationToken = cancellation,
        };
        await Parallel.ForEachAsync(contents, limits, async (file, token) =>
        {
            await SendAsync(file, targets[file.Oid], meter, token).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    private async Task SendAsync(PlannedFile file, BatchObject target, TransferMeter meter, CancellationToken cancellation)
    {
        for (bool isFirst = true; target.Actions?.Upload is { } upload; isFirst = false)
        {
            string? refusal = upload.Header?.GetValueOrDefault("chunk_size") is { } size
                ? await SendPartsAsync(file, upload, size, meter, cancellation).ConfigureAwait(false)
                : (await PutAsync(file, AddressOf(upload.Href), 0, file.File.Size, meter, cancellation).ConfigureAwait(false)).Refusal;
            if (refusal is null)
            {
                if (target.Actions.Verify?.Href is { } verify) await VerifyAsync(file, verify, cancellation).ConfigureAwait(false);
                return;
            }

            // The address was only valid for a time, or the multipart upload is gone. New addresses are requested once.
            if (!isFirst)
            {
                throw new HubException(HubError.Other,
                    $"{repo.Id}: the Hub's storage refused {file.File.Path} ({refusal}), with new addresses too; try again later.");
            }

            target = (await AskAsync([file], cancellation).ConfigureAwait(false))[file.Oid];
        }

        meter.Keep(file.File.Path, file.File.Size);
    }

    private async Task<Dictionary<string, BatchObject>> AskAsync(IReadOnlyList<PlannedFile> files, CancellationToken cancellation)
    {
        var request = new BatchRequest(
            "upload", ["basic", "multipart"], [.. files.Select(file => new LfsObject(file.Oid, file.File.Size))], "sha256",
            new BatchRef(branch));
        var call = UploadCalls.Post(http.Urls.LfsBatch(repo), request, UploadJson.Default.BatchRequest, UploadCalls.LfsType)
            .About(repo, branch);
        var answer = await http.SendAsync(call, UploadJson.Default.BatchAnswer, cancellation).ConfigureAwait(false);
        var targets = (answer.Objects ?? []).Where(target => target.Oid is not null).DistinctBy(target => target.Oid)
            .ToDictionary(target => target.Oid!);
        foreach (var file in files)
        {
            if (!targets.TryGetValue(file.Oid, out var target)) throw HubHttp.NoHub(call, $"no place for {file.File.Path}");
            if (target.Error is { } error)
            {
                throw new HubException(HubError.Other,
                    $"{repo.Id}: the Hub does not take {file.File.Path} ({error.Code}: {error.Message}); see the limits of its storage.");
            }
        }

        return targets;
    }

    /// <summary>Uploads a content in parts, and completes the upload.</summary>
    /// <returns>Storage's words if it refused an address; null on success.</returns>
    private async Task<string?> SendPartsAsync(
        PlannedFile file, BatchAction upload, string chunkSize, TransferMeter meter, CancellationToken cancellation)
    {
        long size = file.File.Size;
        var call = UploadCalls.Post(
            http.Urls.LfsBatch(repo), new Completion(file.Oid, []), UploadJson.Default.Completion, UploadCalls.LfsType).About(repo, branch);
        if (!long.TryParse(chunkSize, NumberStyles.None, CultureInfo.InvariantCulture, out long chunk) || chunk < 1)
            throw HubHttp.NoHub(call, "parts of no size");
        (int Number, string Href)[] parts =
        [
            .. upload.Header!.Where(pair => pair.Key.Length > 0 && pair.Key.All(char.IsAsciiDigit) && pair.Key.Length < 9)
                .Select(pair => (int.Parse(pair.Key, CultureInfo.InvariantCulture), pair.Value)).OrderBy(part => part.Item1),
        ];
        if (parts.LongLength != (size + chunk - 1) / chunk) throw HubHttp.NoHub(call, $"{parts.Length} parts of {chunk} bytes for {size}");
        var done = new CompletedPart[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            long offset = i * chunk;
            var (refusal, etag) = await PutAsync(
                file, AddressOf(parts[i].Href), offset, Math.Min(chunk, size - offset), meter, cancellation).ConfigureAwait(false);
            if (refusal is not null)
            {
                meter.Move(file.File.Path, -offset); // a new upload begins with its first part
                return refusal;
            }

            done[i] = new CompletedPart(parts[i].Number, etag ?? throw HubHttp.NoHub(call, "a part without a tag"));
        }

        var completion = UploadCalls.Post(
            AddressOf(upload.Href), new Completion(file.Oid, done), UploadJson.Default.Completion, UploadCalls.LfsType)
            .About(repo, branch) with
        {
            IsAnonymous = true, // the address has its own right
            Expects = Expired,
            Timeout = AnswerTimeout,
        };
        using var answer = await http.SendAsync(completion, cancellation).ConfigureAwait(false);
        if (answer.Message.IsSuccessStatusCode) return null;
        meter.Move(file.File.Path, -size);
        return $"status {(int)answer.Message.StatusCode}";
    }

    /// <summary>Sends a part of a file to an address of storage, and retries while the connection breaks.</summary>
    private async Task<(string? Refusal, string? Etag)> PutAsync(
        PlannedFile file, Uri address, long offset, long length, TransferMeter meter, CancellationToken cancellation)
    {
        FileSlice? slice = null;
        var call = new HubCall(HttpMethod.Put, address)
        {
            Repo = repo,
            Revision = branch,
            File = file.File.Path,
            IsAnonymous = true,
            OtherHosts = OtherHosts.Asked,
            Expects = Expired,
            Timeout = AnswerTimeout + TimeSpan.FromSeconds((double)length / LeastBytesPerSecond),
            Content = () =>
            {
                slice?.TakeBack();
                slice = new FileSlice(file.File, offset, length, options.TransferTimeout, bytes => meter.Move(file.File.Path, bytes));
                return slice;
            },
        };
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                using var answer = await http.SendAsync(call, cancellation).ConfigureAwait(false);
                if (answer.Message.IsSuccessStatusCode) return (null, answer.Header("ETag"));
                slice?.TakeBack();
                return ($"status {(int)answer.Message.StatusCode}", null);
            }
            catch (Exception e) when (slice?.Fault is { } fault && e is not OperationCanceledException)
            {
                throw fault;
            }
            catch (HubException e) when (e.Error == HubError.Unreachable
                && attempt < (e.InnerException is TimeoutException ? MaxSilentAttempts : MaxAttempts))
            {
                await Task.Delay(TimeSpan.FromSeconds(Math.Min(8, 1 << (attempt - 1))), options.Time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task VerifyAsync(PlannedFile file, string href, CancellationToken cancellation)
    {
        var call = UploadCalls.Post(
            AddressOf(href), new LfsObject(file.Oid, file.File.Size), UploadJson.Default.LfsObject, UploadCalls.LfsType)
            .About(repo, branch);
        using var answer = await http.SendAsync(call, cancellation).ConfigureAwait(false);
    }

    /// <summary>An address in an answer. An address on the Hub's public host is moved to the endpoint if that is another host.</summary>
    private Uri AddressOf(string? href)
    {
        var call = HubCall.Get(http.Urls.LfsBatch(repo)).About(repo, branch);
        if (href is null) throw HubHttp.NoHub(call, "an action without an address");
        string own = HubOptions.DefaultEndpoint.AbsoluteUri;
        string address = href.StartsWith(own, StringComparison.OrdinalIgnoreCase) ? http.Urls.At(href[own.Length..]).OriginalString : href;
        try
        {
            var url = HubUrls.Raw(address);
            bool isSafe = url.Scheme == "https" || (url.Scheme == "http" && options.Endpoint.Scheme == "http");
            return isSafe ? url : throw HubHttp.NoHub(call, $"an address by {url.Scheme}, which is not as safe as the endpoint");
        }
        catch (UriFormatException)
        {
            throw HubHttp.NoHub(call, "what is no address");
        }
    }
}
