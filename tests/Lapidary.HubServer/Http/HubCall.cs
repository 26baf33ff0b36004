using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.TestHub.Accounts;
using Microsoft.AspNetCore.Http;

namespace Lapidary.TestHub.Http;

/// <summary>A request on its way through the server, with what every route needs.</summary>
internal sealed class HubCall(HubServer server, HttpContext context, HubRequest log)
{
    private bool _isIdentified;

    public HubServer Server => server;

    public HttpContext Context => context;

    public HttpRequest Request => context.Request;

    public HttpResponse Response => context.Response;

    public HubRequest Log => log;

    /// <summary>A fault keeps the answer from the client: it may ask again.</summary>
    public bool IsAnswerLost { get; init; }

    public CancellationToken Cancel => context.RequestAborted;

    public bool IsHead => HttpMethods.IsHead(Request.Method);

    /// <summary>The path's segments, decoded one by one: a segment may hold "/".</summary>
    public string[] Segments { get; } = [.. log.RawPath.Split('/')[1..].Select(Uri.UnescapeDataString)];

    /// <summary>The request's token, or null; one that is unknown is refused.</summary>
    public HubToken? Token
    {
        get
        {
            if (_isIdentified) return field;
            string? header = Request.Headers.Authorization.FirstOrDefault();
            if (header is not null && !header.StartsWith("Bearer hf_", StringComparison.Ordinal))
            {
                Violation("Authorization is not \"Bearer hf_…\"");
            }

            field = Access.Identify(header, server.Accounts);
            log.User = field?.User.Name;
            _isIdentified = true;
            return field;
        }
    }

    public string? Query(string name) =>
        Request.Query.TryGetValue(name, out var value) ? value.ToString() : Request.Query.TryGetValue(name + "[]", out value)
            ? value.ToString() : null;

    public bool QueryFlag(string name) => Query(name) switch
    {
        null or "" or "false" or "False" or "0" => false,
        "true" or "True" or "1" => true,
        var other => throw HubFailure.Violation($"{name} is \"{other}\", expected true or false"),
    };

    /// <summary>Records what no client should do; the request goes on.</summary>
    public void Violation(string text) => server.Log.Violation(log, text);

    public async Task JsonAsync(JsonNode body, int status = 200)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(body.ToJsonString());
        Response.StatusCode = status;
        Response.ContentType = "application/json; charset=utf-8";
        Response.ContentLength = bytes.Length;
        if (!IsHead) await Response.Body.WriteAsync(bytes, Cancel);
    }

    /// <summary>The body as JSON.</summary>
    public async Task<JsonObject> ReadJsonAsync(string contentType = "application/json")
    {
        ExpectContentType(contentType);
        try
        {
            var body = await JsonNode.ParseAsync(Request.Body, cancellationToken: Cancel);
            return body as JsonObject ?? throw HubFailure.Violation("the body is no JSON object");
        }
        catch (JsonException error)
        {
            throw HubFailure.Violation($"the body is no JSON: {error.Message}");
        }
    }

    public void ExpectContentType(string expected)
    {
        string actual = Request.ContentType ?? "";
        if (!actual.Split(';')[0].Trim().Equals(expected, StringComparison.OrdinalIgnoreCase))
        {
            throw HubFailure.Violation($"Content-Type is \"{actual}\", expected {expected}", 415);
        }
    }

    /// <summary>The repository, which the token may see; one that moved answers 307 and ends the call.</summary>
    /// <returns>Null after the redirect.</returns>
    public HubRepository? Repository(HubRepoKind kind, string id)
    {
        var token = Token;
        if (server.Store.MovedTo(kind, id) is { } moved)
        {
            // Relative, and without X-Repo-Commit: the final answer has it.
            int at = log.RawPath.IndexOf("/" + id, StringComparison.Ordinal);
            string path = $"{log.RawPath[..(at + 1)]}{moved}{log.RawPath[(at + 1 + id.Length)..]}";
            Redirect(307, path + (log.Query.Length > 0 ? "?" + log.Query : ""));
            return null;
        }

        var repository = server.Store.Find(kind, id);
        Access.See(repository, token);
        return repository;
    }

    /// <summary>A redirect whose own text has a length, as the Hub's has.</summary>
    public void Redirect(int status, string location)
    {
        Response.StatusCode = status;
        Response.Headers.Location = location;
        Response.ContentType = "text/plain; charset=utf-8";
        Response.ContentLength = Encoding.UTF8.GetByteCount(RedirectText(status, location));
        RedirectBody = RedirectText(status, location);
    }

    /// <summary>What the pipeline writes after a redirect.</summary>
    public string? RedirectBody { get; private set; }

    public HubCommit Commit(HubRepository repository, string revision) =>
        repository.Find(revision) ?? throw HubFailure.NoRevision(revision);

    private static string RedirectText(int status, string location) =>
        $"{(status == 302 ? "Found" : "Temporary Redirect")}. Redirecting to {location}";
}
