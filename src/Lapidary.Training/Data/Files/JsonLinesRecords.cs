using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Files;

/// <summary>JSON Lines: one object per line, UTF-8; blank lines are skipped. Only a line feed ends a line.</summary>
internal static class JsonLinesRecords
{
    /// <summary>More consecutive blank lines than in any file of rows.</summary>
    private const int MaxBlankLines = 1 << 20;

    public static IEnumerable<DataRecord> Read(Stream stream, string file)
    {
        var lines = new LineReader(stream, file);
        while (ReadNext(lines) is { } record) yield return record;
    }

    private static DataRecord? ReadNext(LineReader lines)
    {
        for (int blank = 0; lines.TryRead(out var line, out var origin); blank++)
        {
            if (!line.Trim(" \t\r"u8).IsEmpty) return Parse(line, origin);
            if (blank == MaxBlankLines)
                throw origin.Error($"expected a row, found {MaxBlankLines} blank lines; is this a JSON Lines file?");
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
        catch (JsonFaultException error)
        {
            throw origin.Error($"expected one JSON object, found invalid JSON: {error.Fault.Found} at column {error.Fault.Column}.", error);
        }

        return value is Dictionary<string, object?> columns
            ? new(origin, columns)
            : throw origin.Error($"expected a JSON object such as {{\"messages\": [...]}}, found {DataRecord.Describe(value)}.");
    }
}
