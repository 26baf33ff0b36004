using System.Buffers.Binary;
using System.Text;
using Lapidary.Formats;
using Lapidary.Tests;
using Lapidary.Training.Logging;

namespace Lapidary.Training.Tests.Logging;

public class TensorBoardWriterTests
{
    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_250);
    }

    [Fact]
    public void Write_MakesRecordsThatTensorBoardReads()
    {
        string folder = Fixtures.TemporaryFolder();
        string name;
        using (var writer = new TensorBoardWriter(folder, new FixedTime()))
        {
            name = writer.FileName;
            writer.Write(10, ("train/loss", 1.5), ("train/lr", 2e-4));
            writer.Write(300, ("é", double.NaN));
        }

        Assert.StartsWith("events.out.tfevents.1700000000.", Path.GetFileName(name));
        Assert.Equal(
            [
                "time=1700000000.25 version=brain.Event:2",
                "time=1700000000.25 step=10 train/loss=1.5 train/lr=0.0002",
                "time=1700000000.25 step=300 é=NaN",
            ],
            Records(File.ReadAllBytes(name)).Select(Event));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Constructor_OpensANewFileEachTime()
    {
        string folder = Fixtures.TemporaryFolder();
        using (var first = new TensorBoardWriter(folder, new FixedTime()))
        using (var second = new TensorBoardWriter(folder, new FixedTime()))
        {
            second.Write(1, ("x", 1));
            Assert.NotEqual(first.FileName, second.FileName);
            Assert.Equal(2, Read(second.FileName).Count());
        }

        File.WriteAllText(Path.Combine(folder, "file"), "");
        Assert.Throws<LapidaryException>(() => new TensorBoardWriter(Path.Combine(folder, "file"), new FixedTime()));
        Directory.Delete(folder, recursive: true);

        static IEnumerable<byte[]> Read(string name)
        {
            // The writer still holds the file: what it has written is already there.
            using var stream = new FileStream(name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return Records(bytes);
        }
    }

    /// <summary>The check value of CRC-32C, masked by hand: 0xE3069283 rotated right by 15, plus 0xA282EAD8.</summary>
    [Fact]
    public void MaskedCrc_HasTheCheckValue() =>
        Assert.Equal(unchecked(((0xE3069283u >> 15) | (0xE3069283u << 17)) + 0xA282EAD8u), RecordFrame.MaskedCrc("123456789"u8));

    private static List<byte[]> Records(byte[] file)
    {
        List<byte[]> records = [];
        for (int at = 0; at < file.Length;)
        {
            int length = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at)));
            Assert.Equal(Crc(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            records.Add(file[(at + 12)..(at + 12 + length)]);
            Assert.Equal(Crc(records[^1]), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            at += length + 16;
        }

        return records;
    }

    /// <summary>CRC-32C bit by bit, reflected polynomial 0x82F63B78, masked.</summary>
    private static uint Crc(ReadOnlySpan<byte> data)
    {
        uint crc = ~0u;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int i = 0; i < 8; i++) crc = (crc >> 1) ^ ((crc & 1) * 0x82F63B78);
        }

        crc = ~crc;
        return unchecked(((crc >> 15) | (crc << 17)) + 0xA282EAD8u);
    }

    /// <summary>A record's fields by their numbers in TensorBoard's event.proto and summary.proto.</summary>
    private static string Event(byte[] record)
    {
        var text = new StringBuilder();
        foreach (var (field, wire, bits, bytes) in Fields(record))
        {
            switch (field, wire)
            {
                case (1, 1): text.Append($"time={BitConverter.UInt64BitsToDouble(bits)}"); break;
                case (2, 0): text.Append($" step={bits}"); break;
                case (3, 2): text.Append($" version={Encoding.UTF8.GetString(bytes)}"); break;
                case (5, 2):
                    foreach (var value in Fields(bytes))
                    {
                        Assert.Equal((1, 2), (value.Field, value.Wire));
                        var parts = Fields(value.Bytes);
                        Assert.Equal([(1, 2), (2, 5)], parts.Select(x => (x.Field, x.Wire)));
                        text.Append($" {Encoding.UTF8.GetString(parts[0].Bytes)}={BitConverter.UInt32BitsToSingle((uint)parts[1].Bits)}");
                    }

                    break;
                default: Assert.Fail($"field {field}, wire type {wire}"); break;
            }
        }

        return text.ToString();
    }

    private static List<(int Field, int Wire, ulong Bits, byte[] Bytes)> Fields(byte[] message)
    {
        List<(int, int, ulong, byte[])> fields = [];
        for (int at = 0; at < message.Length;)
        {
            ulong key = Varint(message, ref at);
            int wire = (int)(key & 7);
            ulong bits = wire switch
            {
                1 => BinaryPrimitives.ReadUInt64LittleEndian(message.AsSpan(at)),
                5 => BinaryPrimitives.ReadUInt32LittleEndian(message.AsSpan(at)),
                _ => Varint(message, ref at),
            };
            int length = wire switch { 1 => 8, 5 => 4, 2 => (int)bits, _ => 0 };
            fields.Add(((int)(key >> 3), wire, bits, message[at..(at + length)]));
            at += length;
        }

        return fields;
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message[at++];
            value |= (ulong)(next & 127) << shift;
            if (next < 128) return value;
        }
    }
}
