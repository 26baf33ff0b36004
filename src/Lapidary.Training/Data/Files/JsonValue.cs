using System.Text.Json;
using System.Text.Unicode;

namespace Lapidary.Training.Data.Files;

/// <summary>Reads JSON text into the values that <see cref="DataRecord"/> lists.</summary>
internal static class JsonValue
{
    /// <summary>Parses one value that fills the text.</summary>
    /// <exception cref="JsonException">The text is not UTF-8 or not exactly one JSON value; its message names no line.</exception>
    public static object? Parse(ReadOnlySpan<byte> utf8)
    {
        if (!Utf8.IsValid(utf8)) throw new JsonException("the text is not valid UTF-8");
        var reader = new Utf8JsonReader(utf8);
        try
        {
            reader.Read();
            object? value = Read(ref reader);
            reader.Read();
            return value;
        }
        catch (JsonException error)
        {
            throw new JsonException($"{Reason(error)} (byte {error.BytePositionInLine + 1})", error);
        }
    }

    /// <summary>The value at the reader's token; leaves the reader on the value's last token.</summary>
    public static object? Read(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.String => ReadString(ref reader),
        JsonTokenType.Number => reader.TryGetInt64(out long integer) ? (object)integer : reader.GetDouble(),
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.StartObject => ReadObject(ref reader),
        JsonTokenType.StartArray => ReadArray(ref reader),
        _ => null,
    };

    /// <summary>The parser's message without the position that it appends.</summary>
    public static string Reason(JsonException error)
    {
        int end = error.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string reason = end < 0 ? error.Message : error.Message[..end];
        return reason.TrimEnd('.').ReplaceLineEndings(" ");
    }

    private static Dictionary<string, object?> ReadObject(ref Utf8JsonReader reader)
    {
        var columns = new Dictionary<string, object?>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = ReadString(ref reader);
            reader.Read();
            columns[name] = Read(ref reader);
        }

        return columns;
    }

    private static object ReadArray(ref Utf8JsonReader reader)
    {
        // Token ids are by far the longest lists, so integers are not boxed until something else turns up.
        List<long> integers = [];
        List<object?>? values = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (values is null && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long integer))
            {
                integers.Add(integer);
                continue;
            }

            values ??= integers.ConvertAll(x => (object?)x);
            values.Add(Read(ref reader));
        }

        if (values is not null) return values.ToArray();
        return integers.Count == 0 ? Array.Empty<object?>() : integers.ToArray();
    }

    private static string ReadString(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw new JsonException(
                "a string has half of a surrogate pair (\\ud800 to \\udfff)", null, null, reader.TokenStartIndex, error);
        }
    }
}
