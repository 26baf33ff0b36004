using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Lapidary.Server.Http;

/// <summary>Reads the JSON of a request.</summary>
internal static class RequestBody
{
    private const string Json = "application/json";

    /// <summary>Lists and objects within each other.</summary>
    private const int MaxDepth = 64;

    /// <summary>The request's body.</summary>
    /// <exception cref="ApiException">It is not JSON. A page of another site can send other types of content to a local server without
    /// asking, so they are refused.</exception>
    /// <exception cref="BadHttpRequestException">It is larger than the server's limit, or does not arrive.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpRequest request)
    {
        string type = request.ContentType ?? "none";
        if (!MediaTypeHeaderValue.TryParse(type, out var parsed) || !parsed.MediaType.Equals(Json, StringComparison.OrdinalIgnoreCase))
            throw ApiException.Wrong($"Content-Type: expected {Json}, found {Found.Of(type)}.");
        try
        {
            // Reads to the end before it parses, in memory of the pool.
            var options = new JsonDocumentOptions { MaxDepth = MaxDepth };
            return await JsonDocument.ParseAsync(request.Body, options, request.HttpContext.RequestAborted).ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            // The error says by its words alone which of both it is. "Expected depth to be zero" is of a body that ends too early.
            string place = $"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}";
            throw ApiException.Wrong(e.Message.Contains("maximum configured depth", StringComparison.Ordinal)
                ? $"The body has more than {MaxDepth} lists and objects within each other: {place}; send less deep ones."
                : $"The body is not JSON: {place}; send one JSON object.");
        }
    }
}
