using System.Buffers.Binary;
using Lapidary.Training.Data.Files;

namespace Lapidary.Training.Tests.Data;

/// <summary>Footers and page headers, byte by byte, in Thrift's compact protocol.</summary>
public class ParquetThriftTests
{
    private const int Start = 4;

    private static readonly byte[] Footer = [0x00];

    [Fact]
    public void CheckFooter_TakesAWholeOne_AndGoesBack()
    {
        // The version; fields from 16 on, which the format does not know: a boolean, a byte, a number, a double, a text, a list of two
        // bytes, an empty struct.
        byte[] footer =
        [
            0x15, 2, 0xF1, 0x13, 7, 0x15, 2, 0x17, 0, 0, 0, 0, 0, 0, 0, 0, 0x18, 2, 65, 66, 0x19, 0x23, 1, 2, 0x1C, 0, 0,
        ];
        using var stream = File(footer);
        ParquetThrift.CheckFooter(stream);
        Assert.Equal(0, stream.Position);
    }

    public static TheoryData<byte[], string> BrokenFooters => new()
    {
        { [0x00, 0x00], "ends early" },
        { [0x15], "cut off" },
        { [0xF8, 5, 65, 0], "cut off" },
        { [0xFD, 0], "field 15 of its FileMetaData has the type 13" },
        { [0x18, 1, 65, 0], "field 1 of its FileMetaData has the type 8" },
        { [0x15, .. Enumerable.Repeat((byte)0xFF, 10), 1, 0], "a number of more than 5 bytes" },
        { [0xF9, 0xF5, 100, 0, 0], "a list of 100 elements" },
        { [0xFC, 0x15, 2, 0, 0], "a field that is not known" },

        // 300 elements of the schema, each in the one before it.
        { [0x29, 0xFC, 0xAC, 2, .. Enumerable.Repeat<byte[]>([0x55, 2, 0], 300).SelectMany(e => e), 0], "nested too deeply" },
    };

    [Theory]
    [MemberData(nameof(BrokenFooters), DisableDiscoveryEnumeration = true)]
    public void CheckFooter_RefusesABrokenOne(byte[] footer, string words) => Refuses(words, () => ParquetThrift.CheckFooter(File(footer)));

    [Fact]
    public void CheckFooter_RefusesALengthThatIsNotThere()
    {
        Refuses("too short", () => ParquetThrift.CheckFooter(new MemoryStream("PAR10000PAR"u8.ToArray())));
        Refuses("does not end with PAR1", () => ParquetThrift.CheckFooter(File(Footer, "PAR2")));
        foreach (int length in new[] { 0, -1, 2, int.MaxValue })
            Refuses($"claims {length} bytes", () => ParquetThrift.CheckFooter(File(Footer, length: length)));
    }

    [Fact]
    public void Pages_ThatFillTheColumn_AreTaken()
    {
        byte[] pages = [.. Page(8, 8, 4, id: 7), .. Page(100, 20, 3), .. Page(100, 20, 2, id: 8), .. Page(4, 0, 1, note: 5000)];
        Check(pages, values: 6);
    }

    public static TheoryData<byte[], int, string> BrokenPages => new()
    {
        { Page(8, 8, 2), 3, "has 2 values instead of 3" },
        { Page(8, 8, 4), 3, "claims 4 values" },
        { Page(8, 8, -1), 3, "claims -1 values" },
        { Page(8, 8, 9, id: 7), 3, "claims 9 values" },
        { Page(-8, 8, 3), 3, "claims -8 bytes" },
        { Page(8, -1, 3), 3, "packed -1" },
        { [.. Page(8, 8, 3)[..^1]], 3, "packed 8" },
        { Page((256 << 20) + 1, 0, 3), 3, "claims 268435457 bytes" },
        { [.. Enumerable.Range(0, 17).SelectMany(_ => Page(256 << 20, 0, 1))], 17, "claims 268435456 bytes" },
        { [0x15, 0], 3, "cut off" },
    };

    [Theory]
    [MemberData(nameof(BrokenPages), DisableDiscoveryEnumeration = true)]
    public void Pages_RefuseWhatIsNotThere(byte[] pages, int values, string words) => Refuses(words, () => Check(pages, values));

    [Fact]
    public void Pages_RefuseAPlaceOutsideTheFile()
    {
        byte[] page = Page(8, 8, 3);
        using var stream = new MemoryStream([.. new byte[Start], .. page]);
        foreach (var (start, length) in new (long, long)[] { (3, 5), (-1, 5), (Start, page.Length + 1), (Start, -1), (long.MaxValue, 5) })
            Refuses("a column claims", () => new ParquetPages(stream).Enter(start, length, 3));
    }

    private static void Check(byte[] pages, int values) =>
        new ParquetPages(new MemoryStream([.. new byte[Start], .. pages])).Enter(Start, pages.Length, values);

    private static void Refuses(string words, Action check) =>
        Assert.Contains(words, Assert.Throws<InvalidDataException>(check).Message, StringComparison.Ordinal);

    private static MemoryStream File(byte[] footer, string end = "PAR1", int? length = null)
    {
        byte[] tail = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(tail, length ?? footer.Length);
        return new([.. "PAR1"u8, .. footer, .. tail, .. System.Text.Encoding.ASCII.GetBytes(end)]);
    }

    /// <summary>A page's header, with a text of some length where one is asked for, and its bytes.</summary>
    /// <param name="uncompressed">Field 2.</param> <param name="compressed">Field 3.</param>
    /// <param name="values">The first field of the struct.</param>
    /// <param name="id">5 for data, 7 for a dictionary, 8 for newer data.</param>
    /// <param name="note">Length of field 9, which the format does not know.</param>
    private static byte[] Page(int uncompressed, int compressed, int values, int id = 5, int note = 0) =>
    [
        0x15, .. Number(id switch { 7 => 2, 8 => 3, _ => 0 }), 0x15, .. Number(uncompressed), 0x15, .. Number(compressed),
        (byte)(((id - 3) << 4) | 12), 0x15, .. Number(values), 0x15, 0, 0,
        (byte)(((9 - id) << 4) | 8), .. Varint((uint)note), .. new byte[note], 0, .. new byte[Math.Max(compressed, 0)],
    ];

    private static IEnumerable<byte> Number(int value) => Varint((uint)((value << 1) ^ (value >> 31)));

    private static IEnumerable<byte> Varint(uint value)
    {
        for (; value > 127; value >>= 7) yield return (byte)(value | 128);
        yield return (byte)value;
    }
}
