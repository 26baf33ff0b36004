using System.Text.Json;

namespace Lapidary.Training.Data.Files;

/// <summary>JSON Lines: one object per line, UTF-8; blank lines are skipped.</summary>
internal static class JsonLinesRecords
{
    public static IEnumerable<DataRecord> Read(Stream stream, string file)
    {
        var lines = new LineReader(stream, file);
        while (ReadNext(lines) is { } record) yield return record;
    }

    private static DataRecord? ReadNext(LineReader lines)
    {
        while (lines.TryRead(out var line, out var origin))
        {
            if (line.Trim(" \t\r"u8).IsEmpty) continue;
            return Parse(line, origin);
        }

        return null;
    }

    private static DataRecord Parse(ReadOnlySpan<byte> line, RowOrigin origin)
    {
        object? value;
        try
        {
            value = JsonValue.Parse(line);
        }
        catch (JsonException error)
        {
            throw origin.Error($"expected one JSON object, found invalid JSON: {error.Message}.", error);
        }

        return value is Dictionary<string, object?> columns
            ? new(origin, columns)
            : throw origin.Error($"expected a JSON object such as {{\"messages\": [...]}}, found {DataRecord.Describe(value)}.");
    }
}
