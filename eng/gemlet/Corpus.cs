using System.Text.Encodings.Web;
using System.Text.Json;

namespace Gemlet;

/// <summary>Writes the corpus: rows of JSON with one column, text.</summary>
internal static class Corpus
{
    private const int Block = 4096;

    private static readonly JsonWriterOptions Layout =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Writes documents in the order of their numbers.</summary>
    public static void Write(string path, string mix, long documents, long seed)
    {
        using var file = File.Create(path);
        for (long start = 0; start < documents; start += Block)
        {
            byte[][] rows = new byte[(int)Math.Min(Block, documents - start)][];
            long first = start;
            Parallel.For(0, rows.Length, i => rows[i] = Row(Documents.Draw(mix, seed, first + i)));
            foreach (byte[] row in rows) file.Write(row);
        }
    }

    private static byte[] Row(string text)
    {
        using var stream = new MemoryStream(text.Length + 64);
        using (var json = new Utf8JsonWriter(stream, Layout))
        {
            json.WriteStartObject();
            json.WriteString("text", text);
            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }
}
