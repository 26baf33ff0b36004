using System.Text.Json;
using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Files;

/// <summary>A .json file: a list of objects, an object with such a list under "data" or "train", or JSON Lines, which many tools write
/// under this name.</summary>
internal static class JsonRecords
{
    /// <summary>The largest file that is read as a whole: 1 GiB.</summary>
    private const int MaxBytes = 1 << 30;

    /// <summary>Bytes that are read first. If they do not begin like JSON of rows, no more is read.</summary>
    private const int FirstBytes = 64 << 10;

    private static readonly string[] ListNames = ["data", "train"];

    public static IEnumerable<DataRecord> Read(Stream stream, string file)
    {
        byte[] bytes = ReadAll(stream, file, MaxBytes);
        if (IsJsonLines(bytes)) return JsonLinesRecords.Read(new MemoryStream(bytes), file);
        return Records(Parse(bytes, file), file);
    }

    /// <summary>All bytes, or only the first ones if rows do not begin like this.</summary>
    public static byte[] ReadAll(Stream stream, string file, int maxBytes)
    {
        byte[] bytes = new byte[FirstBytes];
        int count = stream.ReadAtLeast(bytes, FirstBytes, throwOnEndOfStream: false);
        bool isRows = WithoutMark(bytes.AsSpan(0, count)).TrimStart(" \t\r\n"u8) is [(byte)'[' or (byte)'{', ..];
        while (isRows && count == bytes.Length)
        {
            if (count == maxBytes)
                throw new LapidaryException($"{file}: expected at most {maxBytes} bytes of JSON, found more; convert it to JSON Lines.");
            Array.Resize(ref bytes, Math.Min(count * 2, maxBytes));
            count += stream.ReadAtLeast(bytes.AsSpan(count), bytes.Length - count, throwOnEndOfStream: false);
        }

        return bytes[..count];
    }

    /// <summary>True if the first value is an object that ends before the file does, or that is itself a row.</summary>
    private static bool IsJsonLines(ReadOnlySpan<byte> bytes)
    {
        bytes = WithoutMark(bytes);
        var reader = new Utf8JsonReader(NonFiniteNumbers.Mask(bytes) ?? bytes, new JsonReaderOptions { AllowMultipleValues = true });
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
            // The reader of one value then reports where and why.
            return false;
        }
    }

    private static object?[] Parse(ReadOnlySpan<byte> bytes, string file)
    {
        object? root;
        try
        {
            root = JsonValue.Parse(WithoutMark(bytes));
        }
        catch (JsonFaultException error)
        {
            throw new LapidaryException($"{file}: expected JSON, found {error.Fault}; correct it.", error);
        }

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

    private static IEnumerable<DataRecord> Records(object?[] rows, string file)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            var origin = new RowOrigin(file, "row", i + 1);
            yield return rows[i] is Dictionary<string, object?> columns
                ? new(origin, columns)
                : throw origin.Error($"expected an object, found {DataRecord.Describe(rows[i])}.");
            rows[i] = null; // A row that has been read need not be kept beside the result.
        }
    }

    private static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) => bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
}
