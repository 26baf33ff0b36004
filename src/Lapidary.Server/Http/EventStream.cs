using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Lapidary.Server.Replies;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Http;

/// <summary>Server-sent events: each is "data: JSON" and an empty line.</summary>
/// <param name="response">Has not begun.</param>
internal sealed class EventStream(HttpResponse response) : IDisposable
{
    private readonly Utf8JsonWriter _json = new(response.BodyWriter, ServerJson.WriterOptions);

    /// <summary>Sets the headers. Proxies must not collect events.</summary>
    public void Begin()
    {
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
    }

    /// <summary>Adds an event.</summary>
    public void Write<T>(T value, JsonTypeInfo<T> type)
    {
        response.BodyWriter.Write("data: "u8);
        _json.Reset(response.BodyWriter);
        JsonSerializer.Serialize(_json, value, type);
        _json.Flush();
        response.BodyWriter.Write("\n\n"u8);
    }

    /// <summary>Adds the last event.</summary>
    public void End() => response.BodyWriter.Write("data: [DONE]\n\n"u8);

    /// <summary>Sends what was added. Waits for a reader who is slower than the events.</summary>
    public async ValueTask FlushAsync(CancellationToken aborted)
    {
        var result = await response.BodyWriter.FlushAsync(aborted).ConfigureAwait(false);
        if (result.IsCompleted) throw new OperationCanceledException("The reader is gone.");
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();
}
