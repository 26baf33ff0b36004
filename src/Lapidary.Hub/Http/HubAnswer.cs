using System.Globalization;
using System.IO.Compression;

namespace Lapidary.Hub.Http;

/// <summary>An answer with an unread body, and the endpoint's headers about a file from the redirects before it.</summary>
/// <param name="message">The last answer.</param>
/// <param name="url">The answering address.</param>
/// <param name="token">Its text is removed from all messages.</param>
internal sealed class HubAnswer(HttpResponseMessage message, Uri url, HubToken? token) : IDisposable
{
    /// <summary>The answer.</summary>
    public HttpResponseMessage Message => message;

    /// <summary>The answering address, after redirects.</summary>
    public Uri Url => url;

    /// <summary>The token that may have been sent; its text is removed from the server's words.</summary>
    public HubToken? Token => token;

    /// <summary>X-Repo-Commit: 40 hex digits.</summary>
    public string? Commit { get; init; }

    /// <summary>The content's hash: X-Linked-Etag, or ETag for a file on the endpoint itself; without quotes.</summary>
    public string? Etag { get; init; }

    /// <summary>Size of the file in bytes: X-Linked-Size, or the length of an answer that is not a redirect.</summary>
    public long? Size { get; init; }

    /// <summary>Size of the body in bytes, if the answer tells it.</summary>
    public long? Length => LengthOf(message);

    /// <summary>The decompressed body. Requests ask for uncompressed data, but some servers compress it anyway.</summary>
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

    /// <summary>A header's value as it was sent, or null. Parsing would lose the escapes of an address.</summary>
    public static string? HeaderOf(HttpResponseMessage message, string name) =>
        message.Headers.NonValidated.TryGetValues(name, out var values)
        || message.Content.Headers.NonValidated.TryGetValues(name, out values) ? values.ToString() : null;

    /// <summary>Size of the content in bytes, if an answer tells it.</summary>
    public static long? LengthOf(HttpResponseMessage message) =>
        Encoding(message) is null ? message.Content.Headers.ContentLength : null;

    /// <summary>"W/"x"", ""x"" and "x" are equal.</summary>
    public static string? NormalEtag(string? etag) => etag?.Trim().TrimStart('W', '/').Trim('"');

    /// <summary>The length in a header.</summary>
    public static long? ToLength(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;

    /// <summary>Ends the answer, and closes its connection if the body was not read.</summary>
    public void Dispose() => message.Dispose();

    private static string? Encoding(HttpResponseMessage message) =>
        message.Content.Headers.ContentEncoding.LastOrDefault() is { } encoding && encoding != "identity" ? encoding : null;
}
