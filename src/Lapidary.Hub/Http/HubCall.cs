using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Lapidary.Hub.Http;

/// <summary>The treatment of redirects to another scheme, host or port than the endpoint's.</summary>
internal enum OtherHosts
{
    /// <summary>An error, because an API that receives the token must answer itself.</summary>
    Refused,

    /// <summary>The redirect itself is returned: its headers describe the file.</summary>
    NotAsked,

    /// <summary>The redirect is followed without the token.</summary>
    Asked,
}

/// <summary>A repeatable request, and the names for its errors.</summary>
/// <param name="Method">The verb.</param>
/// <param name="Url">The address.</param>
internal sealed record HubCall(HttpMethod Method, Uri Url)
{
    /// <summary>The repository for errors.</summary>
    public HubRepo? Repo { get; init; }

    /// <summary>The revision for errors.</summary>
    public string? Revision { get; init; }

    /// <summary>The file for errors.</summary>
    public string? File { get; init; }

    /// <summary>Creates the body; called for each attempt.</summary>
    public Func<HttpContent>? Content { get; init; }

    /// <summary>Sets further headers; called for each attempt.</summary>
    public Action<HttpRequestHeaders>? Headers { get; init; }

    /// <summary>The token in place of that of the options, for a login.</summary>
    public HubToken? Token { get; init; }

    /// <summary>Whether to omit the token even at the endpoint's address, as for signed addresses.</summary>
    public bool IsAnonymous { get; init; }

    /// <summary>Whether the Hub counts it as a download.</summary>
    public bool IsDownload { get; init; }

    /// <summary>Redirects.</summary>
    public OtherHosts OtherHosts { get; init; }

    /// <summary>Time limit of an attempt until the headers of its answer; null for the options' time for metadata,
    /// <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> for no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Attempts after the first; 0 for a request that must not be repeated.</summary>
    public int Retries { get; init; } = HubRetries.Most;

    /// <summary>Error statuses that are returned instead of thrown.</summary>
    public IReadOnlyList<HttpStatusCode> Expects { get; init; } = [];

    /// <summary>Creates a request without a body.</summary>
    public static HubCall Get(Uri url) => new(HttpMethod.Get, url);

    /// <summary>Creates a request with a JSON body.</summary>
    public static HubCall Post(Uri url, JsonNode body) => new(HttpMethod.Post, url)
    {
        Content = () => new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
    };

    /// <summary>The same request with a repository for its errors.</summary>
    public HubCall About(HubRepo repo, string? revision = null, string? file = null) =>
        this with { Repo = repo, Revision = revision, File = file };
}
