using System.Globalization;

namespace Lapidary.Hub.Http;

/// <summary>An answer whose body is still to be read, and what the endpoint said of a file on the way to it.</summary>
/// <param name="message">The last answer.</param> <param name="url">Who gave it.</param> <param name="token">Whose text is taken out of
/// all that is said.</param>
internal sealed class HubAnswer(HttpResponseMessage message, Uri url, HubToken? token) : IDisposable
{
    /// <summary>The answer.</summary>
    public HttpResponseMessage Message => message;

    /// <summary>Where it came from, after redirects.</summary>
    public Uri Url => url;

    /// <summary>The token that may have been sent; its text is taken out of what servers say.</summary>
    public HubToken? Token => token;

    /// <summary>X-Repo-Commit: 40 hex digits.</summary>
    public string? Commit { get; init; }

    /// <summary>The name of the content: X-Linked-Etag or, of a file that the endpoint itself holds, ETag; without quotes.</summary>
    public string? Etag { get; init; }

    /// <summary>Bytes of the file: X-Linked-Size, or the length of an answer that is no redirect.</summary>
    public long? Size { get; init; }

    /// <summary>A header's value, or null.</summary>
    public string? Header(string name) => HeaderOf(message, name);

    /// <summary>A header's value, or null.</summary>
    public static string? HeaderOf(HttpResponseMessage message, string name) =>
        message.Headers.TryGetValues(name, out var values) || message.Content.Headers.TryGetValues(name, out values)
            ? string.Join(", ", values) : null;

    /// <summary>"W/"x"", ""x"" and "x" are the same.</summary>
    public static string? NormalEtag(string? etag) => etag?.Trim().TrimStart('W', '/').Trim('"');

    /// <summary>A length that a header tells.</summary>
    public static long? Length(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;

    /// <summary>Ends the answer, and its connection where the body was not read.</summary>
    public void Dispose() => message.Dispose();
}
