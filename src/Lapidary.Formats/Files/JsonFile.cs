using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lapidary.Formats.Files;

/// <summary>Reads and writes small JSON files as trees, with limits on size and depth.</summary>
internal static class JsonFile
{
    private const int MaxDepth = 64;

    /// <summary>Characters of a key in a message.</summary>
    private const int LongestKey = 100;

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
            CheckStrings(path, utf8);
            var options = new JsonDocumentOptions { MaxDepth = MaxDepth };
            return JsonNode.Parse(utf8, null, options) as JsonObject
                ?? throw new LapidaryException($"{path}: expected a JSON object, found another value; download the file again.");
        }
        catch (JsonException e)
        {
            throw Fault(path, JsonFault.Of(utf8, e), e);
        }
    }

    /// <summary>Refuses what would fail later, when a string is first looked at, and without a place: half a surrogate pair, broken UTF-8,
    /// and keys that are there twice.</summary>
    private static void CheckStrings(string path, ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        var keys = new Stack<HashSet<string>>();
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.StartObject) keys.Push(new(StringComparer.Ordinal));
            else if (reader.TokenType == JsonTokenType.EndObject) keys.Pop();
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName)) continue;
            int place = (int)reader.TokenStartIndex;
            try
            {
                string text = reader.GetString()!;
                if (reader.TokenType == JsonTokenType.PropertyName && !keys.Peek().Add(text))
                    throw Fault(path, JsonFault.At(utf8, place, $"the key \"{Printable.Line(text, LongestKey)}\" a second time"));
            }
            catch (InvalidOperationException e)
            {
                throw Fault(path, JsonFault.At(utf8, place, "a string that is not Unicode"), e);
            }
        }
    }

    private static LapidaryException Fault(string path, JsonFault fault, Exception? cause = null)
    {
        string text = $"{path}: expected JSON, found {fault}; correct it or download the file again.";
        return cause is null ? new(text) : new(text, cause);
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
