using System.Globalization;
using Lapidary.Formats;

namespace Lapidary.Hub.Http;

/// <summary>Converts refusals and failures into one line that says what to do. X-Error-Code takes precedence over the status. The token's
/// text is never included.</summary>
internal sealed class HubErrors(HubOptions options, HubUrls urls)
{
    private const string LogIn = "log in (\"lapidary login\" or HF_TOKEN)";

    /// <summary>The error for an unsuccessful answer.</summary>
    public async Task<HubException> OfAnswerAsync(HubCall call, HubAnswer answer, CancellationToken cancellation)
    {
        string words = Printed(await ServerWords.ReadAsync(answer, cancellation).ConfigureAwait(false), answer.Token);
        var token = call.IsAnonymous ? null : call.Token ?? options.Token;
        var (error, text) = Describe(call, answer, words, token);
        return new HubException(error, Printed(text, answer.Token));
    }

    /// <summary>The error for a request in offline mode.</summary>
    public HubException Offline(HubCall call) => new(
        HubError.Offline, $"{Place(call)}: cannot be asked for, as the Hub is offline (HF_HUB_OFFLINE); go online, or use what is cached.");

    /// <summary>The error for a host that does not answer.</summary>
    /// <param name="call">The request.</param>
    /// <param name="url">The last address: the endpoint, or the target of a redirect.</param>
    /// <param name="e">The cause.</param>
    public HubException OfNetwork(HubCall call, Uri url, Exception e)
    {
        // Under a timeout, the only inner exception is the cancellation that ended the wait.
        var cause = e;
        while (cause.InnerException is { } inner and not OperationCanceledException) cause = inner;
        string reason = Printable.Line(Printed(cause.Message, call.Token ?? options.Token), 300).TrimEnd('.');
        string host = HubUrls.IsSameOrigin(url, options.Endpoint) ? urls.Host : $"{url.Host}:{url.Port}";
        return new HubException(
            HubError.Unreachable,
            $"{host}: cannot be reached ({reason}); check the connection, HF_ENDPOINT and the proxy, or work offline.", e);
    }

    /// <summary>The error for an endpoint that does not answer like a Hub.</summary>
    public static HubException NoHub(HubCall call, string found) => new(
        HubError.Unreachable,
        $"{HubUrls.Shown(call.Url)}: expected the answer of a Hub, found {found}; check HF_ENDPOINT and whether a proxy answers instead.");

    /// <summary>The error for a redirect that is not followed.</summary>
    public HubException Redirect(HubCall call, Uri url, string found, string next = "check HF_ENDPOINT and the proxy") => new(
        HubError.Unreachable, $"{Place(call)}: expected an answer of {HubUrls.Shown(url)}, found {found}; {next}.");

    /// <summary>A server's text with the token removed, if it occurs there.</summary>
    public string Printed(string text, HubToken? token)
    {
        foreach (string? secret in new[] { token?.Value, options.Token?.Value })
            if (secret is { Length: > 3 }) text = text.Replace(secret, "***", StringComparison.Ordinal);
        return text;
    }

    private (HubError, string) Describe(HubCall call, HubAnswer answer, string words, HubToken? token)
    {
        int status = (int)answer.Message.StatusCode;
        string? code = answer.Header("X-Error-Code");
        if (!HubUrls.IsSameOrigin(answer.Url, options.Endpoint)) return Other(call, answer, words);
        return code switch
        {
            "RevisionNotFound" => (HubError.RevisionNotFound,
                $"{Name(call)}: has no revision \"{call.Revision}\"; check the branch, tag or commit at {Page(call)}."),
            "EntryNotFound" => (HubError.FileNotFound,
                $"{Name(call)}: has no file \"{call.File}\" in revision \"{call.Revision}\"; check its name at {Page(call)}."),
            "GatedRepo" => Gated(call, words, token),
            "RepoNotFound" when status != 401 || token is null || !IsBadToken(words) => NotFound(call, token),
            _ when words.StartsWith("Access to this resource is disabled", StringComparison.Ordinal) =>
                (HubError.Disabled, $"{Name(call)}: was switched off by the Hub; {Page(call)} may say why."),
            _ when status == 401 && token is not null => (HubError.Token,
                $"{urls.Host}: does not accept the token of {token.Source}{Said(words)}; make a new one at {urls.TokenPage} and "
                + (token.IsOfVariable
                    ? $"set {token.Source} to it, or unset that to use the token of \"lapidary login\"."
                    : "log in again (\"lapidary login\").")),
            _ when status == 401 => call.Repo is not null ? NotFound(call, token) : (HubError.Token,
                $"{urls.Host}: wants a token{Said(words)}; {LogIn}."),
            _ when status == 403 => (HubError.Token, Forbidden(call, words, token)),
            _ when status == 404 && call.Repo is not null && call.File is null && call.Revision is null => NotFound(call, token),
            // The Hub names the missing object in X-Error-Code.
            _ when status == 404 && string.IsNullOrEmpty(code) => (HubError.Unreachable,
                $"{Place(call)}: {HubUrls.Shown(answer.Url)} answered 404 NotFound{Said(words)}, as if there were no Hub; check "
                + "HF_ENDPOINT, its path too."),
            _ when status == 412 || (status == 409 && call.Revision is not null) =>
                (HubError.Changed, $"{Name(call)}: changed while this was prepared{Said(words)}; try again."),
            _ when status == 429 => (HubError.RateLimited,
                $"{urls.Host}: refuses more requests for now{Said(words)}; try again {Later(answer)}"
                + (token is null ? $", or {LogIn} for a higher limit." : ".")),
            _ => Other(call, answer, words),
        };
    }

    private (HubError, string) Gated(HubCall call, string words, HubToken? token)
    {
        string what = $"{Name(call)}: is gated";
        if (token is null) return (HubError.Gated, $"{what}: accept its terms at {Page(call)}, then {LogIn}.");
        return (HubError.Gated,
            $"{what}, and the account of the token ({token.Source}) has no access{Said(words)}; accept its terms at {Page(call)}. A "
            + "fine-grained token also needs the permission to read public gated repositories.");
    }

    private static (HubError, string) NotFound(HubCall call, HubToken? token)
    {
        string type = call.Repo is { } repo ? HubUrls.Singular(repo.Type) : "repository";
        return (HubError.RepositoryNotFound, token is null
            ? $"{Name(call)}: there is no such {type}, or it is private; check the id and its type, and for a private one {LogIn} with a "
                + "token that may read it."
            : $"{Name(call)}: there is no such {type}, or it is private and the token of {token.Source} may not read it; check the id, its "
                + "type and the token's permissions.");
    }

    private string Forbidden(HubCall call, string words, HubToken? token)
    {
        string why = $"{(call.Repo is null ? urls.Host : Name(call))}: refused{Said(words)}; ";
        return why + (token is null
            ? $"{LogIn} with a token that may do this."
            : $"the token of {token.Source} may not do this: give it the permission at {urls.TokenPage}.");
    }

    private (HubError, string) Other(HubCall call, HubAnswer answer, string words)
    {
        string id = answer.Header("X-Request-Id") ?? answer.Header("X-Amzn-Trace-Id") ?? answer.Header("X-Amz-Cf-Id") ?? "";
        string request = id.Length > 0 ? $", request {id}" : "";
        int status = (int)answer.Message.StatusCode;
        bool isStorage = !HubUrls.IsSameOrigin(answer.Url, options.Endpoint);
        string next = status >= 500 || isStorage ? $"try again {Later(answer)}" : "check the request";
        return (status >= 500 ? HubError.ServerFailed : HubError.Other,
            $"{Place(call)}: {HubUrls.Shown(answer.Url)} answered {status} {answer.Message.StatusCode}{Said(words)}{request}; {next}.");
    }

    private string Later(HubAnswer answer) => HubRetries.AskedWait(answer.Message, options.Time) is { } wait
        ? $"in {Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture)} s" : "later";

    private string Page(HubCall call) => call.Repo is { } repo ? urls.Page(repo) : urls.At("").AbsoluteUri;

    private static string Name(HubCall call) => call.Repo?.Id ?? HubUrls.Shown(call.Url);

    private string Place(HubCall call) => call.Repo is null ? urls.Host : call.File is null ? Name(call) : $"{Name(call)}/{call.File}";

    private static bool IsBadToken(string words) => words.Contains("Invalid credentials", StringComparison.OrdinalIgnoreCase)
        || words.Contains("Invalid username or password", StringComparison.OrdinalIgnoreCase);

    private static string Said(string words) => words.Length > 0 ? $" ({words.TrimEnd('.')})" : "";
}
