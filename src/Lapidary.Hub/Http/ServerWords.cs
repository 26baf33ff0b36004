using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lapidary.Formats;

namespace Lapidary.Hub.Http;

/// <summary>What a server says about a refusal: X-Error-Message, or "error", "error_description", "message" and "errors" of a JSON
/// body.</summary>
internal static class ServerWords
{
    private const int MaxBytes = 1 << 16;
    private const int MaxLength = 400;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>The words on one line, or "" where there are none.</summary>
    public static async Task<string> ReadAsync(HubAnswer answer, CancellationToken cancellation)
    {
        if (answer.Header("X-Error-Message") is { Length: > 0 } header) return Printable.Line(header.Trim(), MaxLength);
        if (answer.Message.Content.Headers.ContentType?.MediaType?.Contains("json", StringComparison.OrdinalIgnoreCase) != true) return "";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            using var stream = await answer.Message.Content.ReadAsStreamAsync(limit.Token).ConfigureAwait(false);
            byte[] body = new byte[MaxBytes];
            int count = await stream.ReadAtLeastAsync(body, MaxBytes, throwOnEndOfStream: false, limit.Token).ConfigureAwait(false);
            return Printable.Line(Of(JsonNode.Parse(Encoding.UTF8.GetString(body, 0, count))), MaxLength);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return ""; // The status says enough.
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException or InvalidDataException)
        {
            return "";
        }
    }

    private static string Of(JsonNode? node)
    {
        if (node is not JsonObject json) return "";
        var texts = new List<string>();
        foreach (string key in (string[])["error", "error_description", "message"])
            if (Text(json, key) is { Length: > 0 } text) texts.Add(text);
        if (json["errors"] is JsonArray errors)
            texts.AddRange(errors.OfType<JsonObject>().Select(error => Text(error, "message")).OfType<string>());
        return string.Join("; ", texts.Distinct());
    }

    private static string? Text(JsonObject json, string key) =>
        json[key] is JsonValue value && value.TryGetValue(out string? text) ? text.Trim() : null;
}
