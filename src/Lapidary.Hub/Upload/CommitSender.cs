using System.Net;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Upload;

/// <summary>Makes commits, each on top of the previous one. A commit is never made twice: if its answer is lost, the branch is checked
/// first.</summary>
/// <param name="http">Sends requests.</param>
/// <param name="setup">Finds the branch's commit.</param>
/// <param name="repo">The repository.</param>
/// <param name="branch">Its branch.</param>
/// <param name="options">The clock.</param>
internal sealed class CommitSender(HubHttp http, RepoSetup setup, HubRepo repo, string branch, HubOptions options)
{
    /// <summary>Attempts while others change the branch or the connection breaks.</summary>
    private const int MaxAttempts = 5;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(6);

    /// <summary>Statuses after which the commit may or may not exist.</summary>
    private static readonly HttpStatusCode[] Unclear =
    [
        HttpStatusCode.RequestTimeout, HttpStatusCode.TooManyRequests, HttpStatusCode.InternalServerError, HttpStatusCode.BadGateway,
        HttpStatusCode.ServiceUnavailable, HttpStatusCode.GatewayTimeout,
    ];

    /// <summary>The Hub checks all files of a commit before it answers.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(10);

    /// <summary>Commits files whose contents are stored.</summary>
    /// <param name="files">The files.</param>
    /// <param name="parent">The branch's commit, if known.</param>
    /// <param name="summary">The first line.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <returns>The new commit of the branch: 40 hex digits.</returns>
    /// <exception cref="HubException">The branch keeps changing, or the Hub refused.</exception>
    public async Task<string> CommitAsync(
        IReadOnlyList<PlannedFile> files, string parent, string summary, CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            var (commit, why, wait) = await TryAsync(files, parent, summary, cancellation).ConfigureAwait(false);
            if (commit is not null) return commit;
            if (attempt == MaxAttempts || wait > LongestWait) throw why!;
            wait ??= TimeSpan.FromMilliseconds(250 << (attempt - 1));
            await Task.Delay(wait.Value, options.Time, cancellation).ConfigureAwait(false);
            string head = await setup.HeadAsync(repo, branch, cancellation).ConfigureAwait(false);
            if (head != parent && await HasAllAsync(head, files, cancellation).ConfigureAwait(false)) return head;
            parent = head;
        }
    }

    /// <summary>Makes one attempt.</summary>
    /// <returns>The commit; or the reason of the failure, whether to retry, and the wait if the Hub gives one.</returns>
    private async Task<(string? Commit, HubException? Why, TimeSpan? Wait)> TryAsync(
        IReadOnlyList<PlannedFile> files, string parent, string summary, CancellationToken cancellation)
    {
        CommitContent? content = null;
        var call = new HubCall(HttpMethod.Post, http.Urls.Api(repo, $"commit/{Uri.EscapeDataString(branch)}"))
        {
            Repo = repo,
            Revision = branch,
            Content = () => content = new CommitContent(new CommitHeader(summary, "", parent), files),
            Expects = [HttpStatusCode.PreconditionFailed, .. Unclear],
            Timeout = Timeout,
            Retries = 0,
        };
        try
        {
            using var answer = await http.SendAsync(call, cancellation).ConfigureAwait(false);
            if (answer.Message.StatusCode == HttpStatusCode.PreconditionFailed)
            {
                return (null, new HubException(HubError.Changed,
                    $"{repo.Id}: the branch {branch} was changed by others again and again while the files were sent; upload them "
                    + "once more."), null);
            }

            if (!answer.Message.IsSuccessStatusCode)
            {
                var error = await http.ErrorOfAsync(call, answer, cancellation).ConfigureAwait(false);
                return (null, error, HubRetries.AskedWait(answer.Message, options.Time));
            }

            var made = await http.ReadAsync(call, answer, UploadJson.Default.CommitAnswer, cancellation).ConfigureAwait(false);
            return made.CommitOid is { Length: > 0 } commit
                ? (commit, null, null)
                : throw HubHttp.NoHub(call, "an answer without the commit");
        }
        catch (Exception e) when (content?.Fault is { } fault && e is not OperationCanceledException)
        {
            throw fault;
        }
        catch (HubException e) when (e.Error == HubError.Unreachable)
        {
            return (null, e, null);
        }
    }

    /// <summary>Whether a commit has the same files as here: then it is the one whose answer was lost, or an equal one.</summary>
    private async Task<bool> HasAllAsync(string commit, IReadOnlyList<PlannedFile> files, CancellationToken cancellation)
    {
        var request = new PathsRequest([.. files.Select(file => file.File.Path)], Expand: false);
        var url = http.Urls.Api(repo, $"paths-info/{commit}");
        var call = UploadCalls.Post(url, request, UploadJson.Default.PathsRequest).About(repo, commit);
        var found = await http.SendAsync(call, UploadJson.Default.PathAnswerArray, cancellation).ConfigureAwait(false);
        var oids = found.Where(item => item.Path is not null).DistinctBy(item => item.Path)
            .ToDictionary(item => item.Path!, item => item.Lfs?.Oid ?? item.Oid, StringComparer.Ordinal);
        return files.All(file => oids.GetValueOrDefault(file.File.Path) == file.Oid);
    }
}
