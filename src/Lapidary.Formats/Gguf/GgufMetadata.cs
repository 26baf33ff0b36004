using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Lapidary.Formats.Gguf;

/// <summary>The keys and values of a GGUF file, in the order in which they are added.</summary>
internal sealed class GgufMetadata
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);

    private enum ValueType : uint
    {
        UInt32 = 4,
        Int32 = 5,
        Float32 = 6,
        Bool = 7,
        String = 8,
        Array = 9,
    }

    /// <summary>Number of keys.</summary>
    public int Count => _keys.Count;

    /// <summary>All keys and values as they are in the file.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    /// <summary>Adds a u32.</summary>
    /// <exception cref="ArgumentException">The key is there already.</exception>
    public void Add(string key, uint value)
    {
        Begin(key, ValueType.UInt32);
        Write(value);
    }

    /// <inheritdoc cref="Add(string, uint)"/>
    public void Add(string key, int value) => Add(key, checked((uint)value));

    /// <summary>Adds an f32.</summary>
    /// <inheritdoc cref="Add(string, uint)"/>
    public void Add(string key, float value)
    {
        Begin(key, ValueType.Float32);
        Write(BitConverter.SingleToUInt32Bits(value));
    }

    /// <summary>Adds a truth value.</summary>
    /// <inheritdoc cref="Add(string, uint)"/>
    public void Add(string key, bool value)
    {
        Begin(key, ValueType.Bool);
        Write(value);
    }

    /// <summary>Adds a text.</summary>
    /// <inheritdoc cref="Add(string, uint)"/>
    public void Add(string key, string value)
    {
        Begin(key, ValueType.String);
        Write(value);
    }

    /// <summary>Adds an i32, which few keys have.</summary>
    /// <inheritdoc cref="Add(string, uint)"/>
    public void AddSigned(string key, int value)
    {
        Begin(key, ValueType.Int32);
        Write((uint)value);
    }

    /// <summary>Adds a list of texts.</summary>
    /// <inheritdoc cref="Add(string, uint)"/>
    public void Add(string key, IReadOnlyCollection<string> values)
    {
        BeginArray(key, ValueType.String, values.Count);
        foreach (string value in values) Write(value);
    }

    /// <summary>Adds a list of f32.</summary>
    /// <inheritdoc cref="Add(string, uint)"/>
    public void Add(string key, IReadOnlyCollection<float> values)
    {
        BeginArray(key, ValueType.Float32, values.Count);
        foreach (float value in values) Write(BitConverter.SingleToUInt32Bits(value));
    }

    /// <summary>Adds a list of i32.</summary>
    /// <inheritdoc cref="Add(string, uint)"/>
    public void Add(string key, IReadOnlyCollection<int> values)
    {
        BeginArray(key, ValueType.Int32, values.Count);
        foreach (int value in values) Write((uint)value);
    }

    /// <summary>Adds a list of truth values.</summary>
    /// <inheritdoc cref="Add(string, uint)"/>
    public void Add(string key, IReadOnlyCollection<bool> values)
    {
        BeginArray(key, ValueType.Bool, values.Count);
        foreach (bool value in values) Write(value);
    }

    private void BeginArray(string key, ValueType element, int count)
    {
        Begin(key, ValueType.Array);
        Write((uint)element);
        Write((ulong)count);
    }

    private void Begin(string key, ValueType type)
    {
        if (!_keys.Add(key)) throw new ArgumentException($"The key {key} is there already.", nameof(key));
        Write(key);
        Write((uint)type);
    }

    private void Write(bool value) => _bytes.Write([value ? (byte)1 : (byte)0]);

    private void Write(string text)
    {
        Write((ulong)Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, _bytes);
    }

    private void Write(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.GetSpan(sizeof(uint)), value);
        _bytes.Advance(sizeof(uint));
    }

    private void Write(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_bytes.GetSpan(sizeof(ulong)), value);
        _bytes.Advance(sizeof(ulong));
    }
}
