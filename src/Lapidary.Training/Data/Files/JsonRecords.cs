using System.Text.Json;
using System.Text.Unicode;
using Lapidary.Formats;

namespace Lapidary.Training.Data.Files;

/// <summary>A .json file: a list of objects, or an object that holds that list under "data" or "train", or, as many tools name
/// them so, JSON Lines.</summary>
internal static class JsonRecords
{
    /// <summary>The largest file that is read at once: 1 GiB.</summary>
    private const long MaxBytes = 1L << 30;

    private static readonly string[] ListNames = ["data", "train"];

    public static IEnumerable<DataRecord> Read(Stream stream, string file)
    {
        if (stream.Length > MaxBytes)
        {
            throw new LapidaryException(
                $"{file}: expected at most {MaxBytes} bytes of JSON, found {stream.Length}; convert it to JSON Lines.");
        }

        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        if (IsJsonLines(bytes)) return JsonLinesRecords.Read(new MemoryStream(bytes), file);
        return Records(Parse(bytes, file), file);
    }

    /// <summary>True where the first value is an object that ends before the file does, or that is a row itself.</summary>
    private static bool IsJsonLines(ReadOnlySpan<byte> bytes)
    {
        var reader = new Utf8JsonReader(WithoutMark(bytes), new JsonReaderOptions { AllowMultipleValues = true });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return false;
            bool holdsList = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool named = reader.ValueTextEquals(ListNames[0]) || reader.ValueTextEquals(ListNames[1]);
                reader.Read();
                holdsList |= named && reader.TokenType == JsonTokenType.StartArray;
                reader.Skip();
            }

            return reader.Read() || !holdsList;
        }
        catch (JsonException)
        {
            // The reader of one value then says where and why.
            return false;
        }
    }

    private static object?[] Parse(ReadOnlySpan<byte> bytes, string file)
    {
        bytes = WithoutMark(bytes);
        if (!Utf8.IsValid(bytes)) throw new LapidaryException($"{file}: expected UTF-8 text, found other bytes; save the file as UTF-8.");
        var reader = new Utf8JsonReader(bytes);
        try
        {
            reader.Read();
            object? root = JsonValue.Read(ref reader);
            reader.Read();
            if (root is Dictionary<string, object?> columns)
                root = ListNames.Select(x => columns.GetValueOrDefault(x)).FirstOrDefault(x => x is object?[] or long[]);
            return root switch
            {
                object?[] rows => rows,
                long[] => throw new LapidaryException($"{file}: expected a list of objects, found a list of integers."),
                _ => throw new LapidaryException(
                    $"{file}: expected a list of objects, or an object with such a list as \"data\" or \"train\", "
                    + $"found {DataRecord.Describe(root)}."),
            };
        }
        catch (JsonException error)
        {
            string where = $"{file} line {error.LineNumber + 1}";
            throw new LapidaryException(
                $"{where}: expected JSON, found at byte {error.BytePositionInLine + 1}: {JsonValue.Reason(error)}.", error);
        }
    }

    private static IEnumerable<DataRecord> Records(object?[] rows, string file)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            var origin = new RowOrigin(file, "row", i + 1);
            yield return rows[i] is Dictionary<string, object?> columns
                ? new(origin, columns)
                : throw origin.Error($"expected an object, found {DataRecord.Describe(rows[i])}.");
        }
    }

    private static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) => bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
}
