using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lapidary.Formats.Files;

/// <summary>Reads and writes small JSON files as trees, with limits on size and depth.</summary>
internal static class JsonFile
{
    private const int MaxDepth = 64;

    private static readonly JsonWriterOptions Layout =
        new() { Indented = true, IndentSize = 2, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The file's object. Comments, repeated keys and anything but an object are refused.</summary>
    /// <exception cref="LapidaryException">The file is absent, too large or not a JSON object.</exception>
    public static JsonObject Read(string path, long maxBytes = 16 << 20) =>
        Parse(path, InputFile.ReadAllBytes(path, maxBytes, "a JSON file"));

    /// <summary>The text's object; <paramref name="path"/> is for messages.</summary>
    public static JsonObject Parse(string path, ReadOnlySpan<byte> utf8)
    {
        if (utf8.StartsWith(Encoding.UTF8.Preamble)) utf8 = utf8[3..];
        try
        {
            CheckStrings(utf8);
            var options = new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false };
            return JsonNode.Parse(utf8, null, options) as JsonObject
                ?? throw new LapidaryException($"{path}: expected a JSON object, found another value; download the file again.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            string where = (e as JsonException)?.LineNumber is { } line ? $" in line {line + 1}" : "";
            throw new LapidaryException(
                $"{path}: expected JSON, found a fault{where} ({FileErrors.OneLine(e.Message)}); correct it or download the file again.",
                e);
        }
    }

    // Half a surrogate pair or broken UTF-8 throws InvalidOperationException when a string is first looked at; better here than later.
    private static void CheckStrings(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) reader.GetString();
    }

    /// <summary>The tree as indented text with a line feed at the end, numbers spelled as they were read.</summary>
    public static string ToText(JsonObject json)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Layout)) json.WriteTo(writer);
        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    /// <summary>Writes the tree atomically.</summary>
    public static void Write(string path, JsonObject json) => AtomicFile.WriteAllText(path, ToText(json));
}
