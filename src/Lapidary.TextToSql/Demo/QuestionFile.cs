using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Formats.Files;
using Lapidary.Gemma;

namespace Lapidary.TextToSql.Demo;

/// <summary>A question as a file for the command line.</summary>
internal static class QuestionFile
{
    /// <summary>Writes a question as {"messages": […]}, the form of the file that a run leaves.</summary>
    public static void Write(string path, ChatTurn question) => AtomicFile.WriteStream(path, stream =>
    {
        var layout = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true, NewLine = "\n" };
        using var json = new Utf8JsonWriter(stream, layout);
        json.WriteStartObject();
        json.WriteStartArray("messages");
        json.WriteStartObject();
        json.WriteString("role", question.Role);
        json.WriteString("content", question.Content);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    });
}
