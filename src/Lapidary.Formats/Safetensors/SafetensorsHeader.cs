using System.Collections.Immutable;
using System.Text.Json;
using Lapidary.Formats.Files;

namespace Lapidary.Formats.Safetensors;

/// <summary>Reads the JSON header of a safetensors file and checks every size, offset and type.</summary>
/// <remarks>Source: the format's description in huggingface/safetensors, README.md: 8 bytes little-endian header length, the header,
/// then one buffer that the tensors fill without holes or overlaps.</remarks>
internal sealed class SafetensorsHeader
{
    /// <summary>The limit that the reference implementation sets.</summary>
    public const long MaxLengthBytes = 100_000_000;

    /// <summary>The only key that is not a tensor.</summary>
    public const string MetadataKey = "__metadata__";

    private const string Damaged = "the file is damaged, download or save it again";

    private readonly string _path;
    private readonly long _dataStart;
    private readonly long _dataLength;
    private readonly HashSet<string> _names = [];

    private SafetensorsHeader(string path, long dataStart, long dataLength) =>
        (_path, _dataStart, _dataLength) = (path, dataStart, dataLength);

    /// <summary>The tensors by ascending offset.</summary>
    public List<SafetensorsEntry> Entries { get; private set; } = [];

    /// <summary>The file's free-form key-value pairs.</summary>
    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>Parses and checks a header.</summary>
    /// <param name="path">For messages.</param>
    /// <param name="json">The header, padding included.</param>
    /// <param name="dataStart">Offset of the data in the file.</param>
    /// <param name="dataLength">Bytes of the file behind <paramref name="dataStart"/>.</param>
    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataStart, long dataLength)
    {
        var header = new SafetensorsHeader(path, dataStart, dataLength);
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        try
        {
            header.ReadAll(ref reader);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            string found = e is JsonException fault ? JsonFault.Of(json, fault).Found : "a string that is not Unicode";
            throw header.Fail($"header: expected JSON, found {found} at byte {reader.BytesConsumed}");
        }

        header.CheckLayout();
        return header;
    }

    private void ReadAll(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject) throw Fail($"header: expected a JSON object, found {Describe(ref reader)}");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!_names.Add(name)) throw Fail($"tensor {FileErrors.OneLine(name)}: expected each name once, found it twice");
            reader.Read();
            if (name == MetadataKey) ReadMetadata(ref reader);
            else Entries.Add(ReadEntry(ref reader, name));
        }

        reader.Read(); // nothing but white space may follow; anything else throws JsonException
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Fail($"{MetadataKey}: expected an object of strings, found {Describe(ref reader)}");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
                throw Fail($"{MetadataKey}: expected a string for {FileErrors.OneLine(key)}, found {Describe(ref reader)}");
            Metadata[key] = reader.GetString()!;
        }
    }

    private SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject) throw Fail(name, "an object with dtype, shape and data_offsets", ref reader);
        string? dtype = null;
        ImmutableArray<long>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            reader.Read();
            bool again = key switch
            {
                "dtype" => dtype is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => false,
            };
            if (again) throw Fail(name, $"{key} once", "it twice");
            switch (key)
            {
                case "dtype" when reader.TokenType == JsonTokenType.String: dtype = reader.GetString(); break;
                case "dtype": throw Fail(name, "dtype as a string", ref reader);
                case "shape": shape = ReadSizes(ref reader, name, key); break;
                case "data_offsets": offsets = ReadSizes(ref reader, name, key); break;
                default: reader.Skip(); break;
            }
        }

        if (dtype is null) throw Fail(name, "a dtype", "none");
        if (shape is null) throw Fail(name, "a shape", "none");
        if (offsets is not [var begin, var end]) throw Fail(name, "two data_offsets", $"{offsets?.Length ?? 0}");
        return CheckEntry(name, dtype, shape.Value, begin, end);
    }

    private ImmutableArray<long> ReadSizes(ref Utf8JsonReader reader, string name, string key)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw Fail(name, $"{key} as a list", ref reader);
        var sizes = ImmutableArray.CreateBuilder<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long size) || size < 0)
                throw Fail(name, $"whole numbers from 0 in {key}", ref reader);
            sizes.Add(size);
        }

        return sizes.DrainToImmutable();
    }

    private SafetensorsEntry CheckEntry(string name, string dtype, ImmutableArray<long> shape, long begin, long end)
    {
        if (begin > end) throw Fail(name, "data_offsets in ascending order", $"[{begin}, {end}]");
        if (end > _dataLength)
            throw Fail(name, $"data_offsets within the file's {_dataLength} data bytes", $"[{begin}, {end}]; was the file cut short?");
        string shown = $"{FileErrors.OneLine(dtype)}[{FileErrors.OneLine(string.Join(", ", shape))}]";
        try
        {
            long? length = SafetensorsDTypes.LengthBytes(dtype, shape.AsSpan());
            if (length is not null && length != end - begin) throw Fail(name, $"{length} bytes for {shown}", $"{end - begin}");
        }
        catch (OverflowException)
        {
            throw Fail(name, "a shape of whole bytes below 2^63", shown);
        }

        return new SafetensorsEntry(name, dtype, shape, _dataStart + begin, end - begin);
    }

    /// <summary>Tensors must fill the data without holes or overlaps, as the format demands.</summary>
    private void CheckLayout()
    {
        Entries = [.. Entries.OrderBy(entry => entry.Offset).ThenBy(entry => entry.LengthBytes)];
        long expected = _dataStart;
        foreach (var entry in Entries)
        {
            if (entry.Offset < expected)
                throw Fail(
                    entry.Name, $"no byte shared with another tensor, so data from {expected - _dataStart}",
                    $"{entry.Offset - _dataStart}");
            if (entry.Offset > expected)
                throw Fail(entry.Name, $"data without holes, so from {expected - _dataStart}", $"{entry.Offset - _dataStart}");
            expected = entry.Offset + entry.LengthBytes;
        }

        if (expected != _dataStart + _dataLength)
            throw Fail($"expected {expected - _dataStart} bytes of data behind the header, found {_dataLength}");
    }

    private LapidaryException Fail(string problem) => new($"{_path}: {problem}; {Damaged}.");

    private LapidaryException Fail(string tensor, string expected, string found) =>
        Fail($"tensor {FileErrors.OneLine(tensor)}: expected {expected}, found {found}");

    private LapidaryException Fail(string tensor, string expected, ref Utf8JsonReader reader) =>
        Fail(tensor, expected, Describe(ref reader));

    private static string Describe(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number => FileErrors.OneLine(System.Text.Encoding.UTF8.GetString(reader.ValueSpan)),
        JsonTokenType.String => $"\"{FileErrors.OneLine(reader.GetString()!)}\"",
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.None => "nothing",
        var other => other.ToString().ToLowerInvariant(),
    };
}
