using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Lapidary.Hub.Http;

/// <summary>What happens where an answer leads to another scheme, host or port than the endpoint's.</summary>
internal enum OtherHosts
{
    /// <summary>It is an error: an interface that takes the token answers itself.</summary>
    Refused,

    /// <summary>The answer itself is returned: its headers describe the file that is there.</summary>
    NotAsked,

    /// <summary>They are asked, without the token.</summary>
    Asked,
}

/// <summary>A request as it can be made again, and what an error of it is about.</summary>
/// <param name="Method">The verb.</param>
/// <param name="Url">Where to.</param>
internal sealed record HubCall(HttpMethod Method, Uri Url)
{
    /// <summary>The repository that errors name.</summary>
    public HubRepo? Repo { get; init; }

    /// <summary>The revision that errors name.</summary>
    public string? Revision { get; init; }

    /// <summary>The file that errors name.</summary>
    public string? File { get; init; }

    /// <summary>Makes the body; called for each attempt.</summary>
    public Func<HttpContent>? Content { get; init; }

    /// <summary>Sets further headers; called for each attempt.</summary>
    public Action<HttpRequestHeaders>? Headers { get; init; }

    /// <summary>The token in place of that of the options: for a login.</summary>
    public HubToken? Token { get; init; }

    /// <summary>Whether the token stays at home even if the address is the endpoint's, as for signed addresses.</summary>
    public bool IsAnonymous { get; init; }

    /// <summary>Whether it counts as a download.</summary>
    public bool IsDownload { get; init; }

    /// <summary>Redirects.</summary>
    public OtherHosts OtherHosts { get; init; }

    /// <summary>How long an attempt may take until its answer's headers are there; null for the options' time for metadata,
    /// <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> for no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Attempts after the first: none for what must not be done twice.</summary>
    public int Retries { get; init; } = HubRetries.Most;

    /// <summary>Answers other than success that are returned and not thrown.</summary>
    public IReadOnlyList<HttpStatusCode> Expects { get; init; } = [];

    /// <summary>A request without a body.</summary>
    public static HubCall Get(Uri url) => new(HttpMethod.Get, url);

    /// <summary>A request with a JSON body.</summary>
    public static HubCall Post(Uri url, JsonNode body) => new(HttpMethod.Post, url)
    {
        Content = () => new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
    };

    /// <summary>The same about a repository.</summary>
    public HubCall About(HubRepo repo, string? revision = null, string? file = null) =>
        this with { Repo = repo, Revision = revision, File = file };
}
