using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Training.Data.Writing;

namespace Lapidary.Cli.Generation;

/// <summary>The result of a row.</summary>
/// <param name="OutputIds">New ids, without the stop token; null if the row could not be used.</param>
/// <param name="Text">The new text, or null.</param>
/// <param name="FinishReason">"stop" or "length"; null without ids.</param>
/// <param name="Error">Why the answer is missing.</param>
internal sealed record Answer(IReadOnlyList<int>? OutputIds, string? Text, string? FinishReason, string? Error)
{
    /// <summary>Columns that an answer adds; they replace a row's columns of the same names.</summary>
    private static readonly string[] Names = ["output", "output_ids", "finish_reason", "error"];

    private static readonly JsonWriterOptions Layout = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <summary>Whether a line of a file of answers has an error; null if it is no answer.</summary>
    public static bool? HasFailed(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("output_ids", out var ids)
                ? ids.ValueKind == JsonValueKind.Null
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Whether an answer has a column of this name, which replaces a row's.</summary>
    public static bool Replaces(string column) => Names.Contains(column);

    /// <summary>The row's columns with the answer's, as one line of JSON with its end.</summary>
    public byte[] Line(RowQuestion question)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Layout))
        {
            json.WriteStartObject();
            foreach (var (name, value) in question.Record.Columns.Where(column => !Names.Contains(column.Key)))
            {
                json.WritePropertyName(name);
                ColumnJson.Write(json, value);
            }

            if (Text is null) json.WriteNull("output");
            else json.WriteString("output", Text);
            json.WritePropertyName("output_ids");
            ColumnJson.Write(json, OutputIds?.Select(id => (long)id).ToArray());
            if (FinishReason is null) json.WriteNull("finish_reason");
            else json.WriteString("finish_reason", FinishReason);
            if (Error is not null) json.WriteString("error", Error);
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }
}
