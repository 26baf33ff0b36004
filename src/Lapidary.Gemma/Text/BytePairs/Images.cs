using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>Writes numbers and arrays as they are in memory, and their checksum behind them.</summary>
internal sealed class ImageWriter(Stream stream)
{
    private readonly BlockHash _hash = new();

    /// <summary>Writes an array with its length.</summary>
    public void Write<T>(ReadOnlySpan<T> items) where T : unmanaged
    {
        Write(items.Length);
        WriteBytes(MemoryMarshal.AsBytes(items));
    }

    /// <summary>Writes a text.</summary>
    public void Write(string text) => Write<byte>(Encoding.UTF8.GetBytes(text));

    /// <summary>Writes a number.</summary>
    public void Write(int value) => WriteBytes(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)));

    /// <summary>Writes the checksum of all that was written.</summary>
    public void Finish() => stream.Write(_hash.ToBytes());

    private void WriteBytes(ReadOnlySpan<byte> bytes)
    {
        _hash.Append(bytes);
        stream.Write(bytes);
    }
}

/// <summary>Reads the output of <see cref="ImageWriter"/>.</summary>
/// <exception cref="InvalidDataException">Thrown by all members if the file has another form.</exception>
internal sealed class ImageReader(Stream stream)
{
    private readonly BlockHash _hash = new();

    /// <summary>Reads an array.</summary>
    public T[] ReadArray<T>() where T : unmanaged
    {
        int count = ReadInt32();
        if (count < 0 || count > (stream.Length - stream.Position) / Unsafe.SizeOf<T>()) throw new InvalidDataException();
        var items = GC.AllocateUninitializedArray<T>(count);
        ReadBytes(MemoryMarshal.AsBytes(items.AsSpan()));
        return items;
    }

    /// <summary>Reads a text.</summary>
    public string ReadText() => Encoding.UTF8.GetString(ReadArray<byte>());

    /// <summary>Reads a number.</summary>
    public int ReadInt32()
    {
        int value = 0;
        ReadBytes(MemoryMarshal.AsBytes(new Span<int>(ref value)));
        return value;
    }

    /// <summary>Checks that the remaining bytes are the checksum of the bytes read.</summary>
    public void Finish()
    {
        byte[] expected = _hash.ToBytes();
        Span<byte> found = stackalloc byte[expected.Length];
        stream.ReadExactly(found);
        if (!found.SequenceEqual(expected) || stream.Position != stream.Length) throw new InvalidDataException();
    }

    private void ReadBytes(Span<byte> bytes)
    {
        stream.ReadExactly(bytes);
        _hash.Append(bytes);
    }
}
