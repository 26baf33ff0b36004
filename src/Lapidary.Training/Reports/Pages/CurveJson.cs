using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Training.Reports.Recorded;

namespace Lapidary.Training.Reports.Pages;

/// <summary>The data of the charts, for the page's script.</summary>
internal static class CurveJson
{
    /// <summary>The default encoder escapes &lt;, &gt; and &amp;, so no text can end the element that holds the data.</summary>
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.Default };

    /// <summary>{"runs": [{"name", "dash"}], "curves": [{"id", "title", "lines": [{"run", "x", "y"}]}]}; null is a value that is no finite
    /// number.</summary>
    public static string Of(IReadOnlyList<RecordedRun> runs)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteStartArray("runs");
            foreach (var (i, run) in runs.Index())
            {
                json.WriteStartObject();
                json.WriteString("name", run.Name);
                json.WriteString("mark", RunMarks.Class(i));
                json.WriteStartArray("dash");
                foreach (int length in RunMarks.Pattern(i)) json.WriteNumberValue(length);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("curves");
            foreach (var curve in Curve.Of(runs)) Write(json, curve);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void Write(Utf8JsonWriter json, Curve curve)
    {
        json.WriteStartObject();
        json.WriteString("id", curve.Id);
        json.WriteStartArray("lines");
        foreach (var line in curve.Lines.Select(line => line.Thinned()))
        {
            json.WriteStartObject();
            json.WriteNumber("run", line.Run);
            json.WriteStartArray("x");
            foreach (int step in line.Steps) json.WriteNumberValue(step);
            json.WriteEndArray();
            json.WriteStartArray("y");
            foreach (double value in line.Values)
            {
                if (double.IsFinite(value)) json.WriteNumberValue((float)value);
                else json.WriteNullValue();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
