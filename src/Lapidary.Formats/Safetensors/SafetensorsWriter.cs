using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using Lapidary.Formats.Files;
using Lapidary.Formats.Safetensors;

namespace Lapidary.Formats;

/// <summary>Writes a safetensors file as a stream: the tensors are declared first, then their bytes follow one tensor at a time, so that a
/// merge never holds more than one. The file appears under its name when <see cref="Complete"/> is called, and not at all before.</summary>
/// <remarks>The header is padded so that the data begin at a multiple of 8 bytes. Tensors follow one another without gaps, as the format
/// demands; a tensor declared after one of odd length is not aligned, so declare wide element types first if that matters.</remarks>
public sealed class SafetensorsWriter : IDisposable
{
    private static readonly IReadOnlyDictionary<string, string> PyTorch = new Dictionary<string, string> { ["format"] = "pt" };

    private readonly AtomicFile _file;
    private readonly IReadOnlyList<TensorDeclaration> _tensors;
    private int _next;

    private SafetensorsWriter(AtomicFile file, IReadOnlyList<TensorDeclaration> tensors) => (_file, _tensors) = (file, tensors);

    /// <summary>Starts a file and writes its header.</summary>
    /// <param name="path">The final name.</param>
    /// <param name="tensors">All tensors in the order in which they will be written.</param>
    /// <param name="metadata">Free-form strings; null for {"format": "pt"}, which transformers requires.</param>
    /// <exception cref="ArgumentException">A name is used twice or is reserved.</exception>
    /// <exception cref="LapidaryException">The disk is full or the folder may not be written.</exception>
    public static SafetensorsWriter Create(
        string path, IReadOnlyList<TensorDeclaration> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        byte[] header = Header(tensors, metadata ?? PyTorch);
        var file = AtomicFile.Create(path, header.Length + tensors.Sum(tensor => tensor.LengthBytes));
        try
        {
            file.Write(header);
            return new SafetensorsWriter(file, tensors);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes the next tensor from managed memory.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one declared, or its length differs.</exception>
    public void Write(string name, ReadOnlySpan<byte> bytes)
    {
        Expect(name, bytes.Length);
        _file.Write(bytes);
        _next++;
    }

    /// <summary>Writes the next tensor from native memory.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one declared, or its length differs.</exception>
    public void Write(string name, nint address, long lengthBytes)
    {
        Expect(name, lengthBytes);
        _file.Write(stream => NativeBytes.CopyTo(address, lengthBytes, stream));
        _next++;
    }

    /// <summary>Writes the next tensor by a callback, which must write exactly its bytes.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one declared, or the callback wrote another length.</exception>
    public void Write(string name, Action<Stream> content)
    {
        long length = Expect(name, lengthBytes: null);
        long start = _file.Position;
        _file.Write(content);
        if (_file.Position - start != length)
            throw new InvalidOperationException($"Tensor {name} has {length} bytes, but {_file.Position - start} were written.");
        _next++;
    }

    /// <summary>Flushes the file to the disk and gives it its name.</summary>
    /// <exception cref="InvalidOperationException">A declared tensor was not written.</exception>
    public void Complete()
    {
        Finish();
        Publish();
    }

    /// <summary>Flushes the file to the disk, still under its temporary name.</summary>
    internal void Finish()
    {
        if (_next < _tensors.Count) throw new InvalidOperationException($"Tensor {_tensors[_next].Name} was declared but not written.");
        _file.Finish();
    }

    /// <summary>Gives the finished file its name.</summary>
    internal void Publish() => _file.Commit();

    /// <summary>Deletes the unfinished file; does nothing after <see cref="Complete"/>.</summary>
    public void Dispose() => _file.Dispose();

    private long Expect(string name, long? lengthBytes)
    {
        if (_next >= _tensors.Count || _tensors[_next].Name != name)
            throw new InvalidOperationException(
                $"Expected tensor {(_next < _tensors.Count ? _tensors[_next].Name : "(none)")}, got {name}.");
        long declared = _tensors[_next].LengthBytes;
        return lengthBytes is null || lengthBytes == declared
            ? declared
            : throw new InvalidOperationException($"Tensor {name} was declared with {declared} bytes, got {lengthBytes}.");
    }

    private static byte[] Header(IReadOnlyList<TensorDeclaration> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Advance(ClearedSpan(buffer, 8));
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            WriteJson(json, tensors, metadata);
        int padding = -buffer.WrittenCount & 7;
        buffer.GetSpan(8)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        if (buffer.WrittenCount > SafetensorsHeader.MaxLengthBytes)
            throw new ArgumentException("Too many tensors for one file.", nameof(tensors));
        byte[] header = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - 8);
        return header;
    }

    private static int ClearedSpan(ArrayBufferWriter<byte> buffer, int length)
    {
        buffer.GetSpan(length)[..length].Clear();
        return length;
    }

    private static void WriteJson(
        Utf8JsonWriter json, IReadOnlyList<TensorDeclaration> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        json.WriteStartObject();
        json.WriteStartObject(SafetensorsHeader.MetadataKey);
        foreach (var (key, value) in metadata) json.WriteString(key, value);
        json.WriteEndObject();
        var names = new HashSet<string> { SafetensorsHeader.MetadataKey };
        long offset = 0;
        foreach (var tensor in tensors)
        {
            if (!names.Add(tensor.Name))
                throw new ArgumentException($"Tensor name {tensor.Name} is used twice or reserved.", nameof(tensors));
            json.WriteStartObject(tensor.Name);
            json.WriteString("dtype", tensor.DType);
            json.WriteStartArray("shape");
            foreach (long size in tensor.Shape) json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(offset);
            json.WriteNumberValue(offset += tensor.LengthBytes);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
