using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Lapidary.Hub.Http;

namespace Lapidary.Hub.Upload;

/// <summary>Sends requests with a typed body and a typed answer.</summary>
internal static class UploadCalls
{
    /// <summary>The media type of Git LFS.</summary>
    public const string LfsType = "application/vnd.git-lfs+json";

    /// <summary>A request with a JSON body.</summary>
    public static HubCall Post<T>(Uri url, T body, JsonTypeInfo<T> type, string mediaType = "application/json")
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(body, type);
        return new HubCall(HttpMethod.Post, url)
        {
            Content = () => new ByteArrayContent(bytes) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } },
            Headers = headers => headers.Accept.ParseAdd(mediaType),
        };
    }

    /// <summary>Sends a request with a typed JSON answer.</summary>
    /// <exception cref="HubException">The Hub refused, cannot be reached, or answers something else.</exception>
    public static async Task<T> SendAsync<T>(this HubHttp http, HubCall call, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class
    {
        using var answer = await http.SendAsync(call, cancellation).ConfigureAwait(false);
        return await http.ReadAsync(call, answer, type, cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads a typed JSON answer.</summary>
    public static async Task<T> ReadAsync<T>(
        this HubHttp http, HubCall call, HubAnswer answer, JsonTypeInfo<T> type, CancellationToken cancellation) where T : class
    {
        var json = await http.ReadJsonAsync(call, answer, cancellation).ConfigureAwait(false);
        try
        {
            return json.Deserialize(type) ?? throw HubHttp.NoHub(call, "an empty answer");
        }
        catch (JsonException)
        {
            throw HubHttp.NoHub(call, "an answer of another form");
        }
    }
}
