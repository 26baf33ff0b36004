using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Lapidary.Server.Http;
using Lapidary.Server.Replies;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Endpoints;

/// <summary>Replies that are one JSON object.</summary>
internal static class Reply
{
    /// <summary>Sends a value.</summary>
    public static async Task SendAsync<T>(HttpContext context, int status, T value, JsonTypeInfo<T> type)
    {
        var response = context.Response;
        (response.StatusCode, response.ContentType) = (status, "application/json");
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json, ServerJson.WriterOptions)) JsonSerializer.Serialize(writer, value, type);
        response.ContentLength = json.Length;
        await response.Body.WriteAsync(json.GetBuffer().AsMemory(0, (int)json.Length), context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>Sends an error.</summary>
    public static Task SendAsync(HttpContext context, ApiException error)
    {
        if (error.RetryAfter is { } seconds) context.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        if (error.Status == StatusCodes.Status401Unauthorized) context.Response.Headers.WWWAuthenticate = "Bearer";
        return SendAsync(context, error.Status, Of(error), ServerJson.Default.ErrorReply);
    }

    /// <summary>An error in OpenAI's shape.</summary>
    public static ErrorReply Of(ApiException error) => new(new(error.Message, error.Type, error.Param, error.Code));
}
