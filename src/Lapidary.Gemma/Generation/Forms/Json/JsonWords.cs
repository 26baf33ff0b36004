using System.Text;
using System.Text.Json;

namespace Lapidary.Gemma.Generation.Forms.Json;

/// <summary>The JSON text of values that a schema names, as a model most likely writes it: no escape that is not necessary.</summary>
internal static class JsonWords
{
    /// <summary>A value that is no object and no list, in UTF-8.</summary>
    public static byte[] Of(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? Of(value.GetString()!) : Encoding.UTF8.GetBytes(value.GetRawText());

    /// <summary>A string in UTF-8, with its quotes.</summary>
    public static byte[] Of(string text)
    {
        var json = new StringBuilder("\"", text.Length + 2);
        foreach (char character in text)
        {
            if (character is '"' or '\\') json.Append('\\').Append(character);
            else if (character < ' ') json.Append($"\\u{(int)character:x4}");
            else json.Append(character);
        }

        return Encoding.UTF8.GetBytes(json.Append('"').ToString());
    }
}
