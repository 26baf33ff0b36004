using System.Globalization;
using System.Text.RegularExpressions;

namespace Lapidary.TestHub;

/// <summary>Something that goes wrong with requests of a kind. Made by the methods here, given to <see cref="HubServer.Add"/>.</summary>
/// <remarks>"Where" is a pattern such as "GET */resolve/*/config.json" or "/cdn/*": an optional method, then the decoded path with "*" for
/// anything; with a "?" it sees the query too. Paths of signed URLs end with the file's path: "/cdn/SHA256/PATH", "/upload/SHA256" and
/// "/upload/SHA256/part/N".</remarks>
public sealed record HubFault
{
    private readonly Regex _path;
    private readonly string? _method;
    private int _seen;

    private HubFault(string where)
    {
        Where = where;
        string[] words = where.Split(' ', 2);
        _method = words.Length == 2 ? words[0] : null;
        _path = new Regex("^" + Regex.Escape(words[^1]).Replace(@"\*", ".*") + "$", RegexOptions.Singleline);
    }

    public string Where { get; }

    /// <summary>Asked in addition to the pattern.</summary>
    public Func<HubRequest, bool>? When { get; init; }

    /// <summary>How many requests it hits; <see cref="Always"/> for all.</summary>
    public int Times { get; init; } = 1;

    /// <summary>How many matching requests pass before.</summary>
    public int Skip { get; init; }

    public const int Always = int.MaxValue / 2;

    /// <summary>How many matching requests there were.</summary>
    public int Seen => Volatile.Read(ref _seen);

    internal int? AnswerStatus { get; init; }

    internal string AnswerText { get; init; } = "";

    internal string? AnswerCode { get; init; }

    internal (string Name, string Value)[] AnswerHeaders { get; init; } = [];

    internal long? CutAfter { get; init; }

    internal long? CutRequestAfter { get; init; }

    internal long? StallAfter { get; init; }

    internal double? BytesPerSecond { get; init; }

    internal long? CorruptAt { get; init; }

    internal long LengthDelta { get; init; }

    internal string? RedirectTo { get; init; }

    internal Action<HubServer>? BeforeAnswer { get; init; }

    internal Action<HubServer>? AfterAnswer { get; init; }

    internal TimeSpan Delay { get; init; }

    internal bool IgnoresRange { get; init; }

    internal bool LosesAnswer { get; init; }

    internal bool Zips { get; init; }

    internal bool LinksAbroad { get; init; }

    internal string[] RemovedHeaders { get; init; } = [];

    internal Func<string, string>? Etag { get; init; }

    /// <summary>The connection breaks after some bytes of the answer's body.</summary>
    public static HubFault CutBody(string where, long afterBytes) => new(where) { CutAfter = afterBytes };

    /// <summary>The connection breaks after some bytes of the request's body were read.</summary>
    public static HubFault CutRequest(string where, long afterBytes) => new(where) { CutRequestAfter = afterBytes };

    /// <summary>The connection breaks with no answer at all, and nothing is done.</summary>
    public static HubFault Drop(string where) => new(where) { CutRequestAfter = -1 };

    /// <summary>The work is done, the answer never comes: the client cannot know.</summary>
    public static HubFault LoseAnswer(string where) => new(where) { LosesAnswer = true };

    /// <summary>The answer's body comes slowly.</summary>
    public static HubFault Slow(string where, double bytesPerSecond) => new(where) { BytesPerSecond = bytesPerSecond };

    /// <summary>The answer's body stops, the connection stays.</summary>
    public static HubFault Stall(string where, long afterBytes = 0) => new(where) { StallAfter = afterBytes };

    /// <summary>The whole answer comes late.</summary>
    public static HubFault Late(string where, TimeSpan delay) => new(where) { Delay = delay };

    /// <summary>One byte of the body is another one: its length is right, its hash is not.</summary>
    public static HubFault WrongContent(string where, long at = 0) => new(where) { CorruptAt = at };

    /// <summary>Content-Length is not what comes: more is announced (the connection then ends early), or less (the rest is left out).
    /// </summary>
    public static HubFault WrongLength(string where, long delta) => new(where) { LengthDelta = delta };

    /// <summary>An answer in the usual one's place; with an X-Error-Code if one is given.</summary>
    public static HubFault Status(string where, int status, string text = "Internal Error - We're working hard to fix this as soon as "
        + "possible!", string? code = null, params (string Name, string Value)[] headers) =>
        new(where) { AnswerStatus = status, AnswerText = text, AnswerCode = code, AnswerHeaders = headers };

    /// <summary>429 with Retry-After in seconds.</summary>
    public static HubFault TooManyRetryAfter(string where, int seconds) => Status(where, 429, "Too Many Requests", null,
        ("Retry-After", seconds.ToString(CultureInfo.InvariantCulture)));

    /// <summary>429 with Retry-After as a date.</summary>
    public static HubFault TooManyRetryAt(string where, DateTimeOffset time) => Status(where, 429, "Too Many Requests", null,
        ("Retry-After", time.ToString("R", CultureInfo.InvariantCulture)));

    /// <summary>429 with the Hub's RateLimit headers.</summary>
    public static HubFault TooManyRateLimit(string where, int seconds) => Status(where, 429, "Too Many Requests", null,
        ("RateLimit", $"\"api\";r=0;t={seconds}"), ("RateLimit-Policy", "\"fixed window\";\"api\";q=500;w=300"));

    /// <summary>Another commit came between: what the commit route answers to an old parentCommit.</summary>
    public static HubFault Conflict(string where) =>
        Status(where, 412, "A commit has happened since. Please refresh and try again.");

    /// <summary>The storage host's answer to a URL whose time is over.</summary>
    public static HubFault ExpiredUrl(string where) => Status(where, 403, "Request has expired");

    /// <summary>Range is not seen: 200 with everything.</summary>
    public static HubFault IgnoreRange(string where) => new(where) { IgnoresRange = true };

    /// <summary>A redirect to the same URL.</summary>
    public static HubFault RedirectLoop(string where) => new(where) { RedirectTo = "" };

    /// <summary>A redirect elsewhere: <see cref="HubServer.ForeignUrl"/> counts what comes, and with which headers.</summary>
    public static HubFault Redirect(string where, string location) => new(where) { RedirectTo = location };

    public static HubFault NoRepoCommit(string where) => Without(where, "X-Repo-Commit");

    /// <summary>Headers are left out of the answer.</summary>
    public static HubFault Without(string where, params string[] headers) => new(where) { RemovedHeaders = headers };

    /// <summary>ETag and X-Linked-Etag without quotes.</summary>
    public static HubFault UnquotedEtag(string where) => new(where) { Etag = etag => etag.Trim('"') };

    /// <summary>ETag and X-Linked-Etag as W/"...".</summary>
    public static HubFault WeakEtag(string where) => new(where) { Etag = etag => "W/" + etag };

    /// <summary>ETag and X-Linked-Etag are other ones, without quotes given.</summary>
    public static HubFault OtherEtag(string where, string value) => new(where) { Etag = _ => $"\"{value}\"" };

    /// <summary>The body comes zipped to a client that offers to take it so, without Content-Length.</summary>
    public static HubFault Gzip(string where) => new(where) { Zips = true };

    /// <summary>The link to the next page of a tree leads to <see cref="HubServer.ForeignUrl"/>.</summary>
    public static HubFault ForeignNextLink(string where) => new(where) { LinksAbroad = true };

    /// <summary>Something happens before a request is looked at.</summary>
    public static HubFault Before(string where, Action<HubServer> action) => new(where) { BeforeAnswer = action };

    /// <summary>Something happens when the answer is made and before it is sent: a file that changes between HEAD and GET, a branch that
    /// moves between two calls. The answer is held in memory: for small ones.</summary>
    public static HubFault After(string where, Action<HubServer> action) => new(where) { AfterAnswer = action };

    /// <summary>Counts a request that fits; true if it is to be hit.</summary>
    internal bool Take(HubRequest request)
    {
        if (_method is not null && _method != request.Method) return false;
        string path = Where.Contains('?', StringComparison.Ordinal) ? $"{request.Path}?{request.Query}" : request.Path;
        if (!_path.IsMatch(path) || When?.Invoke(request) == false) return false;
        int seen = Interlocked.Increment(ref _seen);
        return seen > Skip && seen - Skip <= Times;
    }
}
