using System.Buffers.Binary;
using System.Text;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Formats.Tests;

public class SafetensorsWriterTests
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    private string Target => Path.Combine(_folder, "out.safetensors");

    [Fact]
    public void Complete_WritesTheBytesOfTheFormat()
    {
        using (var writer = SafetensorsWriter.Create(Target, [new("a", "U8", 3), new("b", "F32")]))
        {
            writer.Write("a", [1, 2, 3]);
            writer.Write("b", stream => stream.Write([0, 0, 192, 63]));
            Assert.False(File.Exists(Target));
            writer.Complete();
        }

        byte[] bytes = File.ReadAllBytes(Target);
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        Assert.Equal(0, headerLength % 8);
        Assert.Equal("{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}," +
            "\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[3,7]}}", Encoding.UTF8.GetString(bytes, 8, headerLength).TrimEnd(' '));
        Assert.Equal([1, 2, 3, 0, 0, 192, 63], bytes[(8 + headerLength)..]);
        Assert.Equal([Target], Directory.GetFiles(_folder));
    }

    [Theory]
    [InlineData("tiny/model")]
    [InlineData("tiny/prequantized")]
    [InlineData("tiny/multimodal")]
    public void Write_RoundTripsACheckpoint(string name)
    {
        using var source = SafetensorsFile.Open(Path.Combine(Fixtures.Path(name), "model.safetensors"));
        using (var writer = SafetensorsWriter.Create(Target, [.. source.Entries.Select(entry => entry.Declaration)], source.Metadata))
        {
            foreach (var entry in source.Entries) writer.Write(entry.Name, source.Get(entry.Name));
            writer.Complete();
        }

        using var copy = SafetensorsFile.Open(Target);
        Assert.Equal(source.Entries.Select(entry => entry.ToString()), copy.Entries.Select(entry => entry.ToString()));
        Assert.Equal(source.Metadata, copy.Metadata);
        foreach (var entry in source.Entries) Assert.True(source.Bytes(entry.Name).SequenceEqual(copy.Bytes(entry.Name)), entry.Name);
    }

    [Fact]
    public void Complete_AlignsTheDataToEightBytes()
    {
        for (int length = 1; length <= 8; length++)
        {
            using (var writer = SafetensorsWriter.Create(Target, [new(new string('a', length), "U8", 1)]))
            {
                writer.Write(new string('a', length), [1]);
                writer.Complete();
            }

            Assert.Equal(0, BinaryPrimitives.ReadInt64LittleEndian(File.ReadAllBytes(Target)) % 8);
        }
    }

    [Fact]
    public void Dispose_LeavesNothingBehindWhenNotComplete()
    {
        File.WriteAllText(Target, "before");
        using (var writer = SafetensorsWriter.Create(Target, [new("a", "U8", 3), new("b", "U8", 1)]))
        {
            writer.Write("a", [1, 2, 3]);
            Assert.Throws<InvalidOperationException>(writer.Complete);
        }

        Assert.Equal([Target], Directory.GetFiles(_folder));
        Assert.Equal("before", File.ReadAllText(Target));
    }

    [Fact]
    public void Write_RefusesAnotherOrderOrLength()
    {
        using var writer = SafetensorsWriter.Create(Target, [new("a", "U8", 3), new("b", "U8", 1)]);
        Assert.Throws<InvalidOperationException>(() => writer.Write("b", [1]));
        Assert.Throws<InvalidOperationException>(() => writer.Write("a", [1]));
        Assert.Throws<InvalidOperationException>(() => writer.Write("a", stream => stream.WriteByte(1)));
    }

    [Fact]
    public void Create_RefusesNamesUsedTwice()
    {
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Create(Target, [new("a", "U8", 3), new("a", "U8", 3)]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Create(Target, [new("__metadata__", "U8", 3)]));
        Assert.Empty(Directory.GetFiles(_folder));
    }
}
