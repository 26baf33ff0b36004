using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lapidary.Formats;

namespace Lapidary.Hub.Http;

/// <summary>The words of a server about a refusal: X-Error-Message, or "error", "error_description", "message" and "errors" of a JSON body;
/// a storage host's "Message" of an XML body.</summary>
internal static partial class ServerWords
{
    private const int MaxBytes = 1 << 16;
    private const int MaxLength = 400;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>The words on one line; "" if there are none.</summary>
    public static async Task<string> ReadAsync(HubAnswer answer, CancellationToken cancellation)
    {
        if (answer.Header("X-Error-Message") is { Length: > 0 } header) return Printable.Line(header.Trim(), MaxLength);
        string type = answer.Message.Content.Headers.ContentType?.MediaType ?? "";
        bool isXml = type.EndsWith("xml", StringComparison.OrdinalIgnoreCase);
        if (!isXml && !type.Contains("json", StringComparison.OrdinalIgnoreCase)) return "";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            using var stream = await answer.OpenAsync(limit.Token).ConfigureAwait(false);
            byte[] body = new byte[MaxBytes];
            int count = await stream.ReadAtLeastAsync(body, MaxBytes, throwOnEndOfStream: false, limit.Token).ConfigureAwait(false);
            string text = Encoding.UTF8.GetString(body, 0, count);
            return Printable.Line(isXml ? StorageMessage().Match(text).Groups[1].Value : Of(JsonNode.Parse(text)), MaxLength);
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

    [GeneratedRegex("<Message>([^<]*)</Message>")]
    private static partial Regex StorageMessage();

    private static string? Text(JsonObject json, string key) =>
        json[key] is JsonValue value && value.TryGetValue(out string? text) ? text.Trim() : null;
}
