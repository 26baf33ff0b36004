using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace Lapidary.Training.Data.Storage;

/// <summary>Values as consecutive bytes; <see cref="ByteSource"/> reads them. The memory is reused after <see cref="Clear"/>.</summary>
internal sealed class ByteBuilder
{
    private byte[] _bytes = new byte[1 << 10];

    /// <summary>Bytes so far.</summary>
    public int Length { get; private set; }

    /// <summary>The bytes, valid until the next change.</summary>
    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    /// <summary>Clears the bytes.</summary>
    public void Clear() => Length = 0;

    /// <summary>Appends one byte.</summary>
    public void Byte(byte value) => Reserve(1)[0] = value;

    /// <summary>Appends a number in as few bytes as possible, seven bits in each.</summary>
    public void Number(ulong value)
    {
        for (; value >= 0x80; value >>= 7) Byte((byte)(value | 0x80));
        Byte((byte)value);
    }

    /// <inheritdoc cref="Number(ulong)"/>
    public void Number(int value) => Number((ulong)value);

    /// <summary>Appends eight bytes.</summary>
    public void Long(long value) => BinaryPrimitives.WriteInt64LittleEndian(Reserve(sizeof(long)), value);

    /// <summary>Appends bytes, preceded by their number.</summary>
    public void Bytes(ReadOnlySpan<byte> bytes)
    {
        Number(bytes.Length);
        Raw(bytes);
    }

    /// <summary>Appends bytes.</summary>
    public void Raw(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Reserve(bytes.Length));

    /// <summary>Appends a text in UTF-8; a text with an unpaired surrogate is stored as in memory.</summary>
    public void Text(string text)
    {
        // Nearly all texts are shorter in UTF-8 than the bound. The length field has room for the bound, so that the bytes need not be
        // moved.
        int bound = Encoding.UTF8.GetMaxByteCount(text.Length);
        int prefix = NumberBytes((ulong)bound << 1);
        int start = Length;
        var target = Reserve(prefix + bound);
        var status = Utf8.FromUtf16(text, target[prefix..], out _, out int written, replaceInvalidSequences: false);
        if (status != OperationStatus.Done)
        {
            Length = start;
            Number(((ulong)text.Length * 2 << 1) | 1);
            foreach (char c in text) BinaryPrimitives.WriteUInt16LittleEndian(Reserve(2), c);
            return;
        }

        // A number may have more bytes than it needs: the last ones are then zeros.
        ulong value = (ulong)written << 1;
        for (int i = 0; i < prefix; i++, value >>= 7) target[i] = (byte)((value & 0x7F) | (i < prefix - 1 ? 0x80u : 0));
        Length = start + prefix + written;
    }

    private static int NumberBytes(ulong value)
    {
        int bytes = 1;
        while ((value >>= 7) != 0) bytes++;
        return bytes;
    }

    private Span<byte> Reserve(int count)
    {
        long needed = (long)Length + count;
        if (needed > _bytes.Length) Array.Resize(ref _bytes, checked((int)Math.Min(Math.Max(needed, _bytes.Length * 2L), Array.MaxLength)));
        var room = _bytes.AsSpan(Length, count);
        Length += count;
        return room;
    }
}
