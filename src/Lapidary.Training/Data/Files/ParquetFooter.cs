using System.Buffers.Binary;

namespace Lapidary.Training.Data.Files;

/// <summary>Walks a Parquet file's footer once to see that it is whole, because the library loops for very long over a broken
/// one.</summary>
/// <remarks>The footer is one struct of Thrift's compact protocol: fields with a type, nested; its length and "PAR1" end the
/// file.</remarks>
internal ref struct ParquetFooter
{
    /// <summary>The largest footer that is read: 256 MiB.</summary>
    private const int MaxBytes = 256 << 20;

    /// <summary>Deepest nesting; Parquet's own is below ten.</summary>
    private const int MaxDepth = 32;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at;

    private ParquetFooter(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Checks the footer and goes back to the stream's start.</summary>
    /// <exception cref="InvalidDataException">The file is not Parquet or its footer is broken.</exception>
    public static void Check(Stream stream)
    {
        Span<byte> tail = stackalloc byte[8];
        if (stream.Length < 12) throw new InvalidDataException("the file is too short");
        stream.Position = stream.Length - 8;
        stream.ReadExactly(tail);
        int length = BinaryPrimitives.ReadInt32LittleEndian(tail);
        if (!tail[4..].SequenceEqual("PAR1"u8)) throw new InvalidDataException("it does not end with PAR1");
        if (length < 1 || length > Math.Min(stream.Length - 12, MaxBytes))
            throw new InvalidDataException($"its footer claims {length} bytes");
        byte[] bytes = new byte[length];
        stream.Position = stream.Length - 8 - length;
        stream.ReadExactly(bytes);
        stream.Position = 0;
        var footer = new ParquetFooter(bytes);
        footer.SkipStruct(0);
        if (footer._at != length) throw new InvalidDataException("its footer ends early");
    }

    private void SkipStruct(int depth)
    {
        if (depth > MaxDepth) throw new InvalidDataException("its footer is nested too deeply");
        for (byte header = NextByte(); (header & 15) != 0; header = NextByte())
        {
            if (header >> 4 == 0) NextVarint();
            SkipValue(header & 15, depth, inField: true);
        }
    }

    /// <summary>Skips a value by its type number; a boolean field has its value in the type, a boolean element takes a byte.</summary>
    private void SkipValue(int type, int depth, bool inField)
    {
        switch (type)
        {
            case 1 or 2: Skip(inField ? 0u : 1); break;
            case 3: Skip(1); break;
            case 4 or 5 or 6: NextVarint(); break;
            case 7: Skip(8); break;
            case 8: Skip(NextVarint()); break;
            case 9 or 10: SkipList(depth); break;
            case 12: SkipStruct(depth + 1); break;
            default: throw new InvalidDataException($"its footer has a field of type {type}");
        }
    }

    private void SkipList(int depth)
    {
        if (depth > MaxDepth) throw new InvalidDataException("its footer is nested too deeply");
        byte header = NextByte();
        ulong count = header >> 4 == 15 ? NextVarint() : (ulong)(header >> 4);
        if (count > (ulong)(_bytes.Length - _at)) throw new InvalidDataException($"its footer has a list of {count} elements");
        for (ulong i = 0; i < count; i++) SkipValue(header & 15, depth + 1, inField: false);
    }

    private void Skip(ulong count)
    {
        if (count > (ulong)(_bytes.Length - _at)) throw new InvalidDataException("its footer is cut off");
        _at += (int)count;
    }

    private byte NextByte()
    {
        Skip(1);
        return _bytes[_at - 1];
    }

    private ulong NextVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte next = NextByte();
            value |= (ulong)(next & 127) << shift;
            if (next < 128) return value;
        }

        throw new InvalidDataException("its footer has a number of more than 64 bits");
    }
}
