using System.Buffers.Binary;

namespace Lapidary.Training.Data.Files;

/// <summary>Walks a Parquet file's footer, and the headers of a column's pages, to see that they are whole and claim nothing that is not
/// there, because the library loops for very long over a broken one and allocates what it is told.</summary>
/// <remarks>They are structs of Thrift's compact protocol: fields with a type, nested. The footer's length and "PAR1" end the
/// file.</remarks>
internal ref struct ParquetThrift
{
    /// <summary>The largest footer that is read: 256 MiB.</summary>
    private const int MaxFooterBytes = 256 << 20;

    /// <summary>The largest page: writers make pages of a megabyte, or of one value that is larger.</summary>
    private const int MaxPageBytes = 256 << 20;

    /// <summary>The most of one column in one group of rows: 4 GiB.</summary>
    private const long MaxColumnBytes = 4L << 30;

    /// <summary>A page's header is read with so many bytes, and again with more where they do not suffice.</summary>
    private const int HeaderBytes = 4 << 10, MaxHeaderBytes = 16 << 20;

    /// <summary>Deepest nesting; Parquet's own is below ten.</summary>
    private const int MaxDepth = 32;

    private const int Int32Type = 5, StructType = 12;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at;

    private ParquetThrift(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Checks the footer and goes back to the stream's start.</summary>
    /// <exception cref="InvalidDataException">The file is not Parquet or its footer is broken.</exception>
    public static void CheckFooter(Stream stream)
    {
        Span<byte> tail = stackalloc byte[8];
        if (stream.Length < 12) throw new InvalidDataException("the file is too short");
        stream.Position = stream.Length - 8;
        stream.ReadExactly(tail);
        int length = BinaryPrimitives.ReadInt32LittleEndian(tail);
        if (!tail[4..].SequenceEqual("PAR1"u8)) throw new InvalidDataException("it does not end with PAR1");
        if (length < 1 || length > Math.Min(stream.Length - 12, MaxFooterBytes))
            throw new InvalidDataException($"its footer claims {length} bytes");
        byte[] bytes = new byte[length];
        stream.Position = stream.Length - 8 - length;
        stream.ReadExactly(bytes);
        stream.Position = 0;
        var footer = new ParquetThrift(bytes);
        footer.SkipStruct(0);
        if (footer._at != length) throw new InvalidDataException("its footer ends early");
    }

    /// <summary>Checks the headers of a column's pages.</summary>
    /// <param name="stream">The file.</param> <param name="start">Where the first page is.</param>
    /// <param name="length">Bytes of all pages.</param> <param name="values">Entries that they are to have.</param>
    /// <exception cref="InvalidDataException">A page is larger than what is there or than any page is.</exception>
    public static void CheckPages(Stream stream, long start, long length, long values)
    {
        if (start < 4 || length < 0 || length > stream.Length - start)
            throw new InvalidDataException($"a column claims {length} bytes from byte {start} on");
        long end = start + length, total = 0, found = 0;
        while (start < end && found < values)
        {
            var page = ReadPage(stream, start, end - start, out int headerBytes);
            total += page.Uncompressed;
            start += headerBytes + page.Compressed;
            if (page.Compressed < 0 || start > end || page.Uncompressed is < 0 or > MaxPageBytes || total > MaxColumnBytes)
                throw new InvalidDataException($"a page claims {page.Uncompressed} bytes, packed {page.Compressed}");
            if (page.Values < 0 || page.Values > (page.IsDictionary ? page.Uncompressed : values - found))
                throw new InvalidDataException($"a page claims {page.Values} values");
            if (!page.IsDictionary) found += page.Values;
        }

        if (found != values) throw new InvalidDataException($"a column has {found} values instead of {values}");
    }

    private static (int Uncompressed, int Compressed, int Values, bool IsDictionary) ReadPage(
        Stream stream, long start, long length, out int headerBytes)
    {
        foreach (int size in (ReadOnlySpan<int>)[HeaderBytes, MaxHeaderBytes])
        {
            byte[] bytes = new byte[Math.Min(size, length)];
            stream.Position = start;
            stream.ReadExactly(bytes);
            var header = new ParquetThrift(bytes);
            try
            {
                var page = header.ReadPage();
                headerBytes = header._at;
                return page;
            }
            catch (InvalidDataException) when (bytes.Length == HeaderBytes && bytes.Length < length)
            {
                // It may go on behind these bytes.
            }
        }

        throw new InvalidDataException("a page's header is too long");
    }

    /// <summary>PageHeader: 2 and 3 are its sizes; 5, 7 and 8 the headers of data, dictionaries and newer data, which begin with the
    /// number of values.</summary>
    private (int Uncompressed, int Compressed, int Values, bool IsDictionary) ReadPage()
    {
        int uncompressed = -1, compressed = -1, values = 0, id = 0;
        bool isDictionary = false;
        for (int type = NextField(ref id); type != 0; type = NextField(ref id))
        {
            switch (id, type)
            {
                case (2, Int32Type): uncompressed = NextInt32(); break;
                case (3, Int32Type): compressed = NextInt32(); break;
                case (5 or 7 or 8, StructType):
                    isDictionary = id == 7;
                    values = NextValues();
                    break;
                default: SkipValue(type, 0, inField: true); break;
            }
        }

        return (uncompressed, compressed, values, isDictionary);
    }

    private int NextValues()
    {
        int values = -1, id = 0;
        for (int type = NextField(ref id); type != 0; type = NextField(ref id))
        {
            if ((id, type) == (1, Int32Type)) values = NextInt32();
            else SkipValue(type, 1, inField: true);
        }

        return values;
    }

    /// <summary>The type of the next field, 0 at the struct's end; its number is told from the one before it.</summary>
    private int NextField(ref int id)
    {
        byte header = NextByte();
        if ((header & 15) == 0) return 0;
        id = header >> 4 == 0 ? NextInt32() : id + (header >> 4);
        return header & 15;
    }

    private int NextInt32()
    {
        ulong zigzag = NextVarint();
        return unchecked((int)((uint)zigzag >> 1) ^ -(int)(zigzag & 1));
    }

    private void SkipStruct(int depth)
    {
        if (depth > MaxDepth) throw new InvalidDataException("it is nested too deeply");
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
            default: throw new InvalidDataException($"it has a field of type {type}");
        }
    }

    private void SkipList(int depth)
    {
        if (depth > MaxDepth) throw new InvalidDataException("it is nested too deeply");
        byte header = NextByte();
        ulong count = header >> 4 == 15 ? NextVarint() : (ulong)(header >> 4);
        if (count > (ulong)(_bytes.Length - _at)) throw new InvalidDataException($"it has a list of {count} elements");
        for (ulong i = 0; i < count; i++) SkipValue(header & 15, depth + 1, inField: false);
    }

    private void Skip(ulong count)
    {
        if (count > (ulong)(_bytes.Length - _at)) throw new InvalidDataException("it is cut off");
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

        throw new InvalidDataException("it has a number of more than 64 bits");
    }
}
