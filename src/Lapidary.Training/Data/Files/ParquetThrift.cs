using System.Buffers.Binary;

namespace Lapidary.Training.Data.Files;

/// <summary>Checks a Parquet file's footer and the headers of pages: they must be complete, follow the format, and claim no more than the
/// file has. The library identifies fields only by their numbers. A field of another type makes it lose its place; it then loops for very
/// long and allocates any amount it reads.</summary>
/// <remarks>The structures use Thrift's compact protocol: nested structs of fields with a number and a type. The footer's length and "PAR1"
/// end the file.</remarks>
internal ref struct ParquetThrift
{
    /// <summary>The largest footer that is read: 256 MiB.</summary>
    private const int MaxFooterBytes = 256 << 20;

    /// <summary>Deepest nesting of lists and structs of columns, as in our reader, including Parquet's levels between them.</summary>
    private const int MaxDepth = 256;

    // Numbers of types; a boolean's value is its type.
    private const int True = 1, False = 2, Int32Type = 5, Binary = 8, ListType = 9, StructType = 12;

    private const string Footer = "FileMetaData", Schema = "SchemaElement", Header = "PageHeader";

    /// <summary>The types of the fields of each struct, in the order of their numbers from 1; a dash means no field.</summary>
    /// <remarks>Source: parquet.thrift of Apache Parquet's format.</remarks>
    private static readonly Dictionary<string, string[]> Structs = Parse(
        """
        FileMetaData i32 list:SchemaElement i64 list:RowGroup list:KeyValue binary list:ColumnOrder EncryptionAlgorithm binary
        SchemaElement i32 i32 i32 binary i32 i32 i32 i32 i32 LogicalType
        LogicalType Empty Empty Empty Empty Decimal Empty Time Time - Int Empty Empty Empty Empty Empty Variant Geometry Geography
        Decimal i32 i32
        Time bool TimeUnit
        TimeUnit Empty Empty Empty
        Int i8 bool
        Variant i8
        Geometry binary
        Geography binary i32
        RowGroup list:ColumnChunk i64 i64 list:SortingColumn i64 i64 i16
        SortingColumn i32 bool bool
        ColumnChunk binary i64 ColumnMetaData i64 i32 i64 i32 ColumnCrypto binary
        ColumnCrypto Empty ColumnKey
        ColumnKey list:binary binary
        ColumnMetaData i32 list:i32 list:binary i32 i64 i64 i64 list:KeyValue i64 i64 i64 Statistics list:PageStats i64 i32 Sizes Geospatial
        PageStats i32 i32 i32
        Sizes i64 list:i64 list:i64
        Geospatial BoundingBox list:i32
        BoundingBox double double double double double double double double
        Statistics binary binary i64 i64 binary binary bool bool
        KeyValue binary binary
        ColumnOrder Empty
        EncryptionAlgorithm Aes Aes
        Aes binary binary bool
        PageHeader i32 i32 i32 i32 DataPage Empty DictionaryPage DataPage2
        DataPage i32 i32 i32 i32 Statistics
        DictionaryPage i32 i32 bool
        DataPage2 i32 i32 i32 i32 i32 i32 bool Statistics
        Empty
        """);

    private readonly ReadOnlySpan<byte> _bytes;

    /// <summary>Remaining children of the open elements of the schema, the outermost first.</summary>
    private readonly List<int> _open = [];

    private int _at;

    private ParquetThrift(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    /// <summary>Checks the footer and returns to the start of the stream.</summary>
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
        footer.WalkStruct(Footer);
        if (footer._at != length) throw new InvalidDataException("its footer ends early");
    }

    /// <summary>Reads a page's header.</summary>
    /// <param name="bytes">The bytes, starting with the header.</param>
    /// <param name="headerBytes">Length of the header.</param>
    public static ParquetPage ReadPage(ReadOnlySpan<byte> bytes, out int headerBytes)
    {
        var header = new ParquetThrift(bytes);
        int kind = -1, uncompressed = -1, compressed = -1, data = -1, data2 = -1, dictionary = -1;
        for (int id = 0, type = header.NextField(ref id, Header); type != 0; type = header.NextField(ref id, Header))
        {
            switch (id)
            {
                case 1: kind = header.NextInt32(); break;
                case 2: uncompressed = header.NextInt32(); break;
                case 3: compressed = header.NextInt32(); break;
                case 5: data = header.WalkStruct("DataPage", numberOf: 1); break;
                case 7: dictionary = header.WalkStruct("DictionaryPage", numberOf: 1); break;
                case 8: data2 = header.WalkStruct("DataPage2", numberOf: 1); break;
                default: header.WalkField(type, TypeOf(Header, id)); break;
            }
        }

        headerBytes = header._at;
        int values = kind switch { 0 => data, 2 => dictionary, 3 => data2, _ => -1 };
        return new(uncompressed, compressed, values, kind == 2);
    }

    private static Dictionary<string, string[]> Parse(string lines) =>
        lines.ReplaceLineEndings("\n").Split('\n').Select(line => line.Split(' ')).ToDictionary(words => words[0], words => words[1..]);

    /// <summary>The type of a field in the format; null if the field does not exist.</summary>
    private static string? TypeOf(string kind, int id) =>
        Structs[kind] is var types && id >= 1 && id <= types.Length && types[id - 1] != "-" ? types[id - 1] : null;

    /// <summary>The number of a type by its name.</summary>
    private static int NumberOf(string type) => type switch
    {
        "bool" => True,
        "i8" => 3,
        "i16" => 4,
        "i32" => Int32Type,
        "i64" => 6,
        "double" => 7,
        "binary" => Binary,
        _ => type.StartsWith("list:", StringComparison.Ordinal) ? ListType : StructType,
    };

    /// <summary>Skips to the end of a struct.</summary>
    /// <returns>The value of the field <paramref name="numberOf"/>, an i32; -1 if it is missing.</returns>
    private int WalkStruct(string kind, int numberOf = 0)
    {
        int value = -1;
        for (int id = 0, type = NextField(ref id, kind); type != 0; type = NextField(ref id, kind))
        {
            if (id == numberOf) value = NextInt32();
            else WalkField(type, TypeOf(kind, id));
        }

        return value;
    }

    /// <summary>The type of the next field, 0 at the end of the struct; its number is relative to the previous one.</summary>
    private int NextField(ref int id, string kind)
    {
        byte header = NextByte();
        if (header == 0) return 0;
        int type = header & 15;
        id = (short)(header >> 4 == 0 ? NextInt32() : id + (header >> 4));
        int expected = TypeOf(kind, id) is { } name ? NumberOf(name) : 0;
        bool isRight = expected == 0
            ? type is >= True and <= Binary or ListType or StructType
            : type == (type == False ? expected + 1 : expected);
        return isRight ? type : throw new InvalidDataException($"field {id} of its {kind} has the type {type}");
    }

    /// <summary>Skips a field's value.</summary>
    /// <param name="type">The type in the file.</param>
    /// <param name="expected">The type in the format, or null.</param>
    private void WalkField(int type, string? expected)
    {
        if (type == StructType) WalkNested(expected);
        else if (type == ListType) WalkList(expected?["list:".Length..]);
        else WalkPlain(type);
    }

    private void WalkNested(string? kind)
    {
        if (kind is null)
        {
            // The library does not skip the values of unknown fields.
            if (NextByte() != 0) throw new InvalidDataException("it has a field that is not known");
            return;
        }

        if (kind != Schema)
        {
            WalkStruct(kind);
            return;
        }

        int children = WalkStruct(kind, numberOf: 5);
        if (_open.Count > 0) _open[^1]--;
        if (children > 0) _open.Add(children);
        while (_open.Count > 0 && _open[^1] == 0) _open.RemoveAt(_open.Count - 1);
        if (_open.Count > MaxDepth) throw new InvalidDataException("its columns are nested too deeply");
    }

    private void WalkList(string? element)
    {
        byte header = NextByte();
        long count = header >> 4 == 15 ? NextUInt32() : header >> 4;
        int type = header & 15;
        bool isRight = element is null ? type is >= 3 and <= Binary : type == NumberOf(element);
        if (!isRight && count > 0) throw new InvalidDataException($"it has a list of type {type}"); // of none, writers give none
        if (count > _bytes.Length - _at) throw new InvalidDataException($"it has a list of {count} elements");
        for (long i = 0; i < count; i++) WalkField(type, element);
    }

    private void WalkPlain(int type)
    {
        switch (type)
        {
            case True or False: break;
            case 3: Skip(1); break;
            case 4 or Int32Type: NextUInt32(); break;
            case 6: NextVarint(bytes: 10); break;
            case 7: Skip(8); break;
            default: Skip(NextUInt32()); break;
        }
    }

    private int NextInt32()
    {
        uint zigzag = NextUInt32();
        return unchecked((int)(zigzag >> 1) ^ -(int)(zigzag & 1));
    }

    private uint NextUInt32()
    {
        ulong value = NextVarint(bytes: 5);
        return value <= uint.MaxValue ? (uint)value : throw new InvalidDataException("it has a number of more than 32 bits");
    }

    private void Skip(long count)
    {
        if (count > _bytes.Length - _at) throw new InvalidDataException("it is cut off");
        _at += (int)count;
    }

    private byte NextByte()
    {
        Skip(1);
        return _bytes[_at - 1];
    }

    private ulong NextVarint(int bytes)
    {
        ulong value = 0;
        for (int i = 0; i < bytes; i++)
        {
            byte next = NextByte();
            value |= (ulong)(next & 127) << (7 * i);
            if (next < 128) return value;
        }

        throw new InvalidDataException($"it has a number of more than {bytes} bytes");
    }
}
