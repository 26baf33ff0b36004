using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lapidary.Cli.Output;

/// <summary>Writes a machine-readable result as one line.</summary>
internal static class JsonResult
{
    /// <summary>Text is written unescaped, except where JSON requires escapes.</summary>
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one JSON object and a line end.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="members">Writes the object's members.</param>
    public static void Write(TextWriter output, Action<Utf8JsonWriter> members)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        output.Write(Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length) + "\n");
        output.Flush();
    }

    /// <summary>Writes a list of numbers.</summary>
    public static void WriteNumbers(this Utf8JsonWriter json, string name, IEnumerable<int> numbers)
    {
        json.WriteStartArray(name);
        foreach (int number in numbers) json.WriteNumberValue(number);
        json.WriteEndArray();
    }

    /// <summary>Writes a number; null if it is missing or JSON cannot represent it.</summary>
    public static void WriteFinite(this Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number)) json.WriteNumber(name, number);
        else json.WriteNull(name);
    }
}
