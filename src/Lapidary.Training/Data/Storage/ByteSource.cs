using System.Buffers.Binary;
using System.Text;

namespace Lapidary.Training.Data.Storage;

/// <summary>Reads the bytes of <see cref="ByteBuilder"/>. Files are not trusted: missing bytes are an error, and memory never exceeds the
/// number of bytes.</summary>
/// <param name="bytes">All bytes.</param>
internal ref struct ByteSource(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether all bytes were read.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>The bytes that were not read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>The error for invalid bytes.</summary>
    public static InvalidDataException Damaged() => new("stored rows are damaged");

    /// <summary>One byte.</summary>
    public byte Byte() => Raw(1)[0];

    /// <summary>A number.</summary>
    public ulong Number()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }

        throw Damaged();
    }

    /// <summary>A number that fits 31 bits.</summary>
    public int Int() => Number() is <= int.MaxValue and var value ? (int)value : throw Damaged();

    /// <summary>A number of items of at least one byte each.</summary>
    public int Count() => Int() is var count && count <= _rest.Length ? count : throw Damaged();

    /// <summary>Eight bytes.</summary>
    public long Long() => BinaryPrimitives.ReadInt64LittleEndian(Raw(sizeof(long)));

    /// <summary>Bytes, preceded by their number.</summary>
    public ReadOnlySpan<byte> Bytes() => Raw(Count());

    /// <summary>A given number of bytes.</summary>
    public ReadOnlySpan<byte> Raw(int count)
    {
        if ((uint)count > (uint)_rest.Length) throw Damaged();
        var read = _rest[..count];
        _rest = _rest[count..];
        return read;
    }

    /// <summary>A text.</summary>
    public string Text()
    {
        ulong number = Number();
        if (number >> 1 > (ulong)_rest.Length) throw Damaged();
        var read = Raw((int)(number >> 1));
        return (number & 1) == 0 ? Encoding.UTF8.GetString(read) : Utf16(read);
    }

    /// <summary>Copies the text unchanged, because .NET's decoder would replace an unpaired surrogate.</summary>
    private static string Utf16(ReadOnlySpan<byte> bytes)
    {
        var chars = new char[bytes.Length / sizeof(char)];
        for (int i = 0; i < chars.Length; i++) chars[i] = (char)BinaryPrimitives.ReadUInt16LittleEndian(bytes[(i * sizeof(char))..]);
        return new string(chars);
    }
}
