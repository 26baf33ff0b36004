using Lapidary.Formats;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

public class CheckpointTests
{
    private readonly string _folder = Fixtures.TemporaryFolder();

    [Theory]
    [InlineData(1L << 40, 1)]
    [InlineData(150_000L, 0)]
    [InlineData(1L, 93)]
    public void Open_ReadsTheShardsThatTheWriterMade(long maxShardBytes, int shards)
    {
        using var source = Checkpoint.Open(Fixtures.Path("tiny/model"));
        Copy(source, maxShardBytes);
        using var copy = Checkpoint.Open(_folder);
        if (shards > 0) Assert.Equal(shards, copy.Files.Count);
        else Assert.InRange(copy.Files.Count, 3, 20);
        Assert.Equal(shards == 1, File.Exists(Path.Combine(_folder, "model.safetensors")));
        Assert.Equal(shards != 1, File.Exists(Path.Combine(_folder, "model.safetensors.index.json")));
        Assert.Equal(source.Entries.Select(entry => entry.Name), copy.Entries.Select(entry => entry.Name));
        Assert.Equal(source.Entries.Sum(entry => entry.LengthBytes), copy.TotalBytes);
        foreach (var entry in source.Entries)
            Assert.True(source.FileOf(entry.Name).Bytes(entry.Name).SequenceEqual(copy.FileOf(entry.Name).Bytes(entry.Name)), entry.Name);
        foreach (var file in copy.Files)
            Assert.True(file.Entries.Count == 1 || file.Entries.Sum(entry => entry.LengthBytes) <= maxShardBytes, file.Path);
    }

    [Fact]
    public void Complete_ReplacesACheckpointOfAnotherNumberOfShards()
    {
        using var source = Checkpoint.Open(Fixtures.Path("tiny/model"));
        foreach (long size in (long[])[200_000, 1L << 40, 300_000])
        {
            Copy(source, size);
            using var copy = Checkpoint.Open(_folder);
            Assert.Equal(source.Entries.Count, copy.Entries.Count);
            Assert.Equal(copy.Files.Count + (copy.Files.Count > 1 ? 1 : 0), Directory.GetFiles(_folder).Length);
        }
    }

    [Fact]
    public void ShardedWriter_ShowsNoFinalNameBeforeItIsComplete()
    {
        using (var writer = ShardedWriter.Create(_folder, [new("a", "U8", 4), new("b", "U8", 4), new("c", "U8", 4)], 4))
        {
            Assert.Equal(
                ["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"],
                writer.FileNames);
            writer.Write("a", [1, 2, 3, 4]);
            writer.Write("b", [1, 2, 3, 4]);
            Assert.All(Directory.GetFiles(_folder), file => Assert.Contains(".tmp-", file, StringComparison.Ordinal));
            Assert.Throws<InvalidOperationException>(writer.Complete);
            Assert.All(Directory.GetFiles(_folder), file => Assert.Contains(".tmp-", file, StringComparison.Ordinal));
        }

        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void Complete_LeavesNoWeightsWhenNamingFails()
    {
        using (var writer = ShardedWriter.Create(_folder, [new("a", "U8", 4), new("b", "U8", 4)], 4))
        {
            writer.Write("a", [1, 2, 3, 4]);
            writer.Write("b", [1, 2, 3, 4]);
            Directory.CreateDirectory(Path.Combine(_folder, "model-00002-of-00002.safetensors"));
            Assert.Throws<LapidaryException>(writer.Complete);
        }

        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Theory]
    [InlineData("{\"weight_map\":{\"a\":\"../model.safetensors\"}}", "weight_map.a: expected a plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"/etc/x.safetensors\"}}", "weight_map.a: expected a plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"..\\\\x.safetensors\"}}", "weight_map.a: expected a plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"x.bin\"}}", "weight_map.a: expected a plain file name")]
    [InlineData("{\"weight_map\":{\"a\":\"none.safetensors\"}}", "weight_map.a: expected a file that exists, found \"none.safetensors\"")]
    [InlineData("{\"weight_map\":{\"a\":7}}", "weight_map.a: expected a string, found 7")]
    [InlineData("{\"weight_map\":{}}", "weight_map: expected at least one tensor")]
    [InlineData("{\"weight_map\":[]}", "weight_map: expected an object")]
    [InlineData("{}", "weight_map: expected an object of file names, found nothing")]
    [InlineData("{", "expected JSON, found the end of the text in line 1")]
    [InlineData("{\"weight_map\":{\"zz\":\"s.safetensors\"}}", "tensor zz: expected it in this shard")]
    public void Open_RefusesADamagedIndex(string index, string message)
    {
        File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), index);
        File.WriteAllBytes(Path.Combine(_folder, "s.safetensors"), RawFile.Safetensors("{}", 0));
        Assert.Contains(message, Assert.Throws<LapidaryException>(() => Checkpoint.Open(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_SaysWhatIsMissing()
    {
        Assert.Contains(
            "expected model.safetensors or model.safetensors.index.json",
            Assert.Throws<LapidaryException>(() => Checkpoint.Open(_folder)).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_folder, "pytorch_model.bin"), "");
        Assert.Contains(
            "download the safetensors version", Assert.Throws<LapidaryException>(() => Checkpoint.Open(_folder)).Message,
            StringComparison.Ordinal);
    }

    private void Copy(Checkpoint source, long maxShardBytes)
    {
        using var writer = ShardedWriter.Create(_folder, [.. source.Entries.Select(entry => entry.Declaration)], maxShardBytes);
        foreach (var entry in source.Entries) writer.Write(entry.Name, stream => source.FileOf(entry.Name).CopyTo(entry.Name, stream));
        writer.Complete();
    }
}
