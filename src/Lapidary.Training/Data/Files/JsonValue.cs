using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Files;

/// <summary>Reads JSON text, with Python's NaN and Infinity, into the value types of <see cref="DataRecord"/>.</summary>
internal ref struct JsonValue
{
    /// <summary>Python does not read longer integers either.</summary>
    private const int MaxDigits = 4300;

    private static readonly Unreadable BrokenString = new("a string with half of a surrogate pair (\\ud800 to \\udfff)");

    /// <summary>The original text. The reader uses a copy without NaN and Infinity, if the text contains them.</summary>
    private readonly ReadOnlySpan<byte> _text;
    private readonly bool _isMasked;
    private Utf8JsonReader _reader;

    private JsonValue(ReadOnlySpan<byte> text)
    {
        byte[]? masked = NonFiniteNumbers.Mask(text);
        _text = text;
        _isMasked = masked is not null;
        _reader = new Utf8JsonReader(masked ?? text);
    }

    /// <summary>Parses one value that fills the text.</summary>
    /// <exception cref="JsonFaultException">The text is not UTF-8 or not exactly one JSON value.</exception>
    public static object? Parse(ReadOnlySpan<byte> utf8)
    {
        if (!Utf8.IsValid(utf8)) throw new JsonFaultException(JsonFault.At(utf8, ValidBytes(utf8), OtherThanUtf8(utf8)));
        var json = new JsonValue(utf8);
        try
        {
            json._reader.Read();
            object? value = json.Read();
            json._reader.Read();
            return value;
        }
        catch (JsonException error)
        {
            throw new JsonFaultException(JsonFault.Of(utf8, error));
        }
    }

    /// <summary>Some programs of Windows write UTF-16, with a mark at the start.</summary>
    private static string OtherThanUtf8(ReadOnlySpan<byte> text) =>
        text is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] ? "UTF-16 where UTF-8 is expected" : "bytes that are not UTF-8";

    /// <summary>Number of bytes before the first that is no UTF-8.</summary>
    private static int ValidBytes(ReadOnlySpan<byte> text)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(text[at..], out _, out int length) == OperationStatus.Done) at += length;
        return at;
    }

    /// <summary>The value at the reader's token; leaves the reader on the last token of the value.</summary>
    private object? Read() => _reader.TokenType switch
    {
        JsonTokenType.String => ReadString(),
        JsonTokenType.Number => ReadNumber(),
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.StartObject => ReadObject(),
        JsonTokenType.StartArray => ReadArray(),
        _ => null,
    };

    private readonly double? Special => _isMasked ? NonFiniteNumbers.Read(_text[(int)_reader.TokenStartIndex..]) : null;

    private readonly bool TryReadInteger(out long integer) => _reader.TryGetInt64(out integer) && Special is null;

    private object ReadNumber()
    {
        if (TryReadInteger(out long integer)) return integer;
        if (Special is { } special) return special;
        var digits = _reader.ValueSpan;
        if (digits.ContainsAny(".eE"u8)) return _reader.GetDouble();
        if (digits.Length > MaxDigits) throw Error($"an integer of more than {MaxDigits} digits");
        return BigInteger.Parse(Encoding.ASCII.GetString(digits), CultureInfo.InvariantCulture);
    }

    private Dictionary<string, object?> ReadObject()
    {
        var columns = new Dictionary<string, object?>(StringComparer.Ordinal);
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = ReadString() as string ?? throw Error($"{BrokenString} as a key");
            int place = (int)_reader.TokenStartIndex;
            _reader.Read();
            object? value = Read();
            if (!columns.TryAdd(name, value)) throw Error("a key that the object has already", place);
        }

        return columns;
    }

    private object ReadArray()
    {
        // Token ids are by far the longest lists, so integers are not boxed until another type occurs.
        List<long> integers = [];
        List<object?>? values = null;
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            if (values is null && _reader.TokenType == JsonTokenType.Number && TryReadInteger(out long integer))
            {
                integers.Add(integer);
                continue;
            }

            values ??= integers.ConvertAll(x => (object?)x);
            values.Add(Read());
        }

        if (values is not null) return values.ToArray();
        return integers.Count == 0 ? Array.Empty<object?>() : integers.ToArray();
    }

    private object ReadString()
    {
        try
        {
            return _reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return BrokenString;
        }
    }

    private readonly JsonFaultException Error(string found) => Error(found, (int)_reader.TokenStartIndex);

    private readonly JsonFaultException Error(string found, int place) => new(JsonFault.At(_text, place, found));
}
