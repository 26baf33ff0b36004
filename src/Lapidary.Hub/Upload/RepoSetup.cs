using System.Net;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Upload;

/// <summary>Prepares a repository for writing: creates it if missing, with its branch.</summary>
/// <param name="http">Sends requests.</param>
/// <param name="options">Token and clock.</param>
/// <param name="getInfo">Describes a repository at a revision.</param>
internal sealed class RepoSetup(
    HubHttp http, HubOptions options, Func<HubRepo, string, CancellationToken, Task<RepoInfo>> getInfo)
{
    private const string Main = "main";

    /// <summary>Attempts while another operation on the same name is running.</summary>
    private const int MaxAttempts = 6;

    /// <summary>Creates a repository if it is missing.</summary>
    /// <returns>Its page. The page's address ends with the id, also if the name had no owner.</returns>
    /// <exception cref="HubException">The token may not, or the Hub refused.</exception>
    public async Task<string> CreateAsync(HubRepo repo, bool? isPrivate, CancellationToken cancellation)
    {
        RequireToken(repo);
        string[] parts = repo.Id.Split('/');
        var request = new CreateRequest(
            parts[^1], parts.Length == 2 ? parts[0] : null, isPrivate switch { true => "private", false => "public", null => null },
            repo.Type == RepoType.Model ? null : HubUrls.Singular(repo.Type));
        var call = UploadCalls.Post(http.Urls.At("api/repos/create"), request, UploadJson.Default.CreateRequest).About(repo) with
        {
            // If the answer is lost, a second request finds the existing repository, which is as good.
            Expects = [HttpStatusCode.Conflict, HttpStatusCode.Unauthorized, HttpStatusCode.Forbidden, HttpStatusCode.PaymentRequired],
        };
        for (int attempt = 1; ; attempt++)
        {
            using var answer = await http.SendAsync(call, cancellation).ConfigureAwait(false);
            if (answer.Message.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.Created or HttpStatusCode.Conflict))
            {
                return await UseExistingAsync(repo, cancellation).ConfigureAwait(false)
                    ?? throw await http.ErrorOfAsync(call, answer, cancellation).ConfigureAwait(false);
            }

            var made = await http.ReadAsync(call, answer, UploadJson.Default.CreateAnswer, cancellation).ConfigureAwait(false);
            if (made.Url is not null) return PageOf(repo, made.Url) ?? throw HubHttp.NoHub(call, "the address of another repository");
            bool isBusy = made.Error?.Contains("conflicting operation", StringComparison.Ordinal) == true;
            if (!isBusy)
            {
                return await UseExistingAsync(repo, cancellation).ConfigureAwait(false)
                    ?? throw HubHttp.NoHub(call, "an answer without the repository's address");
            }

            if (attempt == MaxAttempts)
            {
                throw new HubException(HubError.Other,
                    $"{repo.Id}: another operation on this repository is in progress and does not end; try again in a minute.");
            }

            await Task.Delay(TimeSpan.FromSeconds(Math.Min(attempt, 4)), options.Time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The commit of a branch; creates repository and branch if they are missing.</summary>
    /// <returns>The repository, with its owner, and the commit.</returns>
    public async Task<(HubRepo Repo, string Head)> PrepareAsync(HubRepo repo, UploadOptions upload, CancellationToken cancellation)
    {
        RequireToken(repo);
        if (!repo.Id.Contains('/')) repo = IdOfPage(repo, await CreateAsync(repo, upload.Private, cancellation).ConfigureAwait(false));
        try
        {
            return (repo, await HeadAsync(repo, upload.Revision, cancellation).ConfigureAwait(false));
        }
        catch (HubException e) when (e.Error == HubError.RepositoryNotFound)
        {
            await CreateAsync(repo, upload.Private, cancellation).ConfigureAwait(false);
        }
        catch (HubException e) when (e.Error == HubError.RevisionNotFound && upload.Revision != Main)
        {
            await CreateBranchAsync(repo, upload.Revision, cancellation).ConfigureAwait(false);
            return (repo, await HeadAsync(repo, upload.Revision, cancellation).ConfigureAwait(false));
        }

        try
        {
            return (repo, await HeadAsync(repo, upload.Revision, cancellation).ConfigureAwait(false));
        }
        catch (HubException e) when (e.Error == HubError.RevisionNotFound && upload.Revision != Main)
        {
            await CreateBranchAsync(repo, upload.Revision, cancellation).ConfigureAwait(false);
            return (repo, await HeadAsync(repo, upload.Revision, cancellation).ConfigureAwait(false));
        }
    }

    /// <summary>A branch's commit.</summary>
    public async Task<string> HeadAsync(HubRepo repo, string branch, CancellationToken cancellation) =>
        (await getInfo(repo, branch, cancellation).ConfigureAwait(false)).Commit;

    /// <summary>Checks for a token before a request that needs one.</summary>
    /// <exception cref="HubException">No token is set.</exception>
    public void RequireToken(HubRepo repo)
    {
        if (options.Token is not null || options.IsOffline) return;
        throw new HubException(HubError.Token,
            $"{repo.Id}: expected a token that may write, found none; make one at {http.Urls.TokenPage} and log in with it (\"lapidary "
            + "login\"), or set HF_TOKEN.");
    }

    /// <summary>The id at the end of a repository's page.</summary>
    public static HubRepo IdOfPage(HubRepo repo, string page)
    {
        string[] parts = page.TrimEnd('/').Split('/');
        return new HubRepo($"{parts[^2]}/{parts[^1]}", repo.Type);
    }

    private async Task CreateBranchAsync(HubRepo repo, string branch, CancellationToken cancellation)
    {
        var call = new HubCall(HttpMethod.Post, http.Urls.Api(repo, $"branch/{Uri.EscapeDataString(branch)}"))
        {
            Content = () => new StringContent("{}", System.Text.Encoding.UTF8, "application/json"),
            Expects = [HttpStatusCode.Conflict], // it exists: somebody else has made it
        };
        using var answer = await http.SendAsync(call.About(repo, branch), cancellation).ConfigureAwait(false);
    }

    /// <summary>The page of a repository that exists but cannot be created; null if the token may not see it.</summary>
    private async Task<string?> UseExistingAsync(HubRepo repo, CancellationToken cancellation)
    {
        if (!repo.Id.Contains('/')) return null;
        try
        {
            await getInfo(repo, Main, cancellation).ConfigureAwait(false);
            return http.Urls.Page(repo);
        }
        catch (HubException e) when (e.Error == HubError.RevisionNotFound)
        {
            return http.Urls.Page(repo);
        }
        catch (HubException e) when (e.Error is HubError.RepositoryNotFound or HubError.Token or HubError.Gated)
        {
            return null;
        }
    }

    /// <summary>The address of a repository's page in an answer, if it is this repository's.</summary>
    private string? PageOf(HubRepo repo, string url)
    {
        if (!Uri.TryCreate(url, UriKind.RelativeOrAbsolute, out var uri)) return null;
        string path = (uri.IsAbsoluteUri ? uri.AbsolutePath : url).Trim('/');
        string[] parts = path.Split('/');
        if (parts.Length < 2 || !HubRepo.IsId($"{parts[^2]}/{parts[^1]}")) return null;
        var named = new HubRepo($"{parts[^2]}/{parts[^1]}", repo.Type);
        return repo.Id.Contains('/') || named.Id.EndsWith("/" + repo.Id, StringComparison.OrdinalIgnoreCase)
            ? http.Urls.Page(repo.Id.Contains('/') ? repo : named)
            : null;
    }
}
