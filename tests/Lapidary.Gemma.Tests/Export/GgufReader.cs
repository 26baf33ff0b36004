using System.Text;

namespace Lapidary.Gemma.Tests;

/// <summary>Reads a GGUF file as its specification says, for tests.</summary>
internal sealed class GgufReader
{
    private readonly byte[] _file;
    private readonly long _data;

    public GgufReader(string path)
    {
        _file = File.ReadAllBytes(path);
        using var reader = new BinaryReader(new MemoryStream(_file));
        Assert.Equal("GGUF"u8.ToArray(), reader.ReadBytes(4));
        Assert.Equal(3u, reader.ReadUInt32());
        long tensors = reader.ReadInt64(), keys = reader.ReadInt64();
        for (long i = 0; i < keys; i++)
        {
            string key = Text(reader);
            Keys.Add(key, Value(reader, reader.ReadUInt32()));
        }

        long offset = 0;
        for (long i = 0; i < tensors; i++)
        {
            string name = Text(reader);
            long[] shape = [.. Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadInt64())];
            var tensor = new GgufReaderTensor(reader.ReadInt32(), shape, reader.ReadInt64());
            Assert.Equal(offset, tensor.Offset); // no gaps
            Assert.Equal(0, tensor.Offset % 32);
            offset += (tensor.LengthBytes + 31) / 32 * 32;
            Tensors.Add(name, tensor);
        }

        _data = (reader.BaseStream.Position + 31) / 32 * 32;
        Assert.Equal(_file.Length, _data + offset);
    }

    public Dictionary<string, object> Keys { get; } = [];

    public Dictionary<string, GgufReaderTensor> Tensors { get; } = [];

    /// <summary>The values of a tensor in its file's order.</summary>
    public float[] Floats(string name)
    {
        var tensor = Tensors[name];
        var bytes = _file.AsSpan((int)(_data + tensor.Offset), (int)tensor.LengthBytes);
        float[] values = new float[tensor.Count];
        for (int i = 0; i < values.Length; i++) values[i] = Value(bytes, tensor.Type, i);
        return values;
    }

    private static float Value(ReadOnlySpan<byte> bytes, int type, int i)
    {
        switch (type)
        {
            case 0: return BitConverter.ToSingle(bytes[(4 * i)..]);
            case 1: return (float)BitConverter.ToHalf(bytes[(2 * i)..]);
            case 30: return BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(bytes[(2 * i)..]) << 16);
            case 8:
                var eight = bytes.Slice(i / 32 * 34, 34);
                return (float)BitConverter.ToHalf(eight) * (sbyte)eight[2 + i % 32];
            default:
                var four = bytes.Slice(i / 32 * 18, 18);
                int code = i % 32 < 16 ? four[2 + i % 32] & 15 : four[2 + i % 32 - 16] >> 4;
                return (float)BitConverter.ToHalf(four) * (code - 8);
        }
    }

    private static object Value(BinaryReader reader, uint type) => type switch
    {
        4 => reader.ReadUInt32(),
        5 => reader.ReadInt32(),
        6 => reader.ReadSingle(),
        7 => reader.ReadByte() == 1,
        8 => Text(reader),
        9 => List(reader, reader.ReadUInt32(), reader.ReadUInt64()),
        _ => throw new InvalidDataException($"value type {type}"),
    };

    private static object[] List(BinaryReader reader, uint type, ulong count)
    {
        object[] list = new object[count];
        for (int i = 0; i < list.Length; i++) list[i] = Value(reader, type);
        return list;
    }

    private static string Text(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadInt64()));
}

/// <summary>A tensor of a GGUF file.</summary>
/// <param name="Type">ggml's number.</param> <param name="Shape">Sizes, fastest first.</param> <param name="Offset">In the data.</param>
internal sealed record GgufReaderTensor(int Type, long[] Shape, long Offset)
{
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    public long LengthBytes => Type switch
    {
        0 => Count * 4,
        1 or 30 => Count * 2,
        8 => Count / 32 * 34,
        2 => Count / 32 * 18,
        _ => throw new InvalidDataException($"tensor type {Type}"),
    };
}
