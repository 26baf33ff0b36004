using System.Buffers.Binary;
using System.Text;

namespace Lapidary.Training.Data.Storage;

/// <summary>Reads what <see cref="ByteBuilder"/> wrote. Files are not trusted: what is not there is an error, never more memory than the
/// bytes are.</summary>
/// <param name="bytes">All of them.</param>
internal ref struct ByteSource(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether all was read.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>What was not read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>The error of bytes that are not what was written.</summary>
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

    /// <summary>A number of items that have at least one byte each.</summary>
    public int Count() => Int() is var count && count <= _rest.Length ? count : throw Damaged();

    /// <summary>Eight bytes.</summary>
    public long Long() => BinaryPrimitives.ReadInt64LittleEndian(Raw(sizeof(long)));

    /// <summary>Bytes with their number.</summary>
    public ReadOnlySpan<byte> Bytes() => Raw(Count());

    /// <summary>So many bytes.</summary>
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

    /// <summary>As it is: .NET's decoder would replace half of a surrogate pair.</summary>
    private static string Utf16(ReadOnlySpan<byte> bytes)
    {
        var chars = new char[bytes.Length / sizeof(char)];
        for (int i = 0; i < chars.Length; i++) chars[i] = (char)BinaryPrimitives.ReadUInt16LittleEndian(bytes[(i * sizeof(char))..]);
        return new string(chars);
    }
}
