using System.Globalization;
using System.IO.Compression;

namespace Lapidary.Hub.Http;

/// <summary>An answer whose body is still to be read, and what the endpoint said of a file on the way to it.</summary>
/// <param name="message">The last answer.</param>
/// <param name="url">Who gave it.</param>
/// <param name="token">Whose text is taken out of all that is said.</param>
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

    /// <summary>Bytes that the body will have, where it says so.</summary>
    public long? Length => LengthOf(message);

    /// <summary>The body, unpacked: everything is asked for as it is, and some servers pack it all the same.</summary>
    public async Task<Stream> OpenAsync(CancellationToken cancellation)
    {
        var body = await message.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        return Encoding(message) switch
        {
            null => body,
            "gzip" or "x-gzip" => new GZipStream(body, CompressionMode.Decompress),
            "deflate" => new ZLibStream(body, CompressionMode.Decompress),
            "br" => new BrotliStream(body, CompressionMode.Decompress),
            var other => throw new InvalidDataException($"content packed by {other}"),
        };
    }

    /// <summary>A header's value, or null.</summary>
    public string? Header(string name) => HeaderOf(message, name);

    /// <summary>A header's value as it was sent, or null: read otherwise, an address loses escapes.</summary>
    public static string? HeaderOf(HttpResponseMessage message, string name) =>
        message.Headers.NonValidated.TryGetValues(name, out var values)
        || message.Content.Headers.NonValidated.TryGetValues(name, out values) ? values.ToString() : null;

    /// <summary>Bytes of the content, where an answer says so.</summary>
    public static long? LengthOf(HttpResponseMessage message) =>
        Encoding(message) is null ? message.Content.Headers.ContentLength : null;

    /// <summary>"W/"x"", ""x"" and "x" are the same.</summary>
    public static string? NormalEtag(string? etag) => etag?.Trim().TrimStart('W', '/').Trim('"');

    /// <summary>A length that a header tells.</summary>
    public static long? ToLength(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;

    /// <summary>Ends the answer, and its connection where the body was not read.</summary>
    public void Dispose() => message.Dispose();

    private static string? Encoding(HttpResponseMessage message) =>
        message.Content.Headers.ContentEncoding.LastOrDefault() is { } encoding && encoding != "identity" ? encoding : null;
}
