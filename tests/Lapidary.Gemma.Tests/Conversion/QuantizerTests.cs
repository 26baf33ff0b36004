using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>Against tiny/prequantized: what transformers and bitsandbytes made of tiny/model.</summary>
public sealed class QuantizerTests : IDisposable
{
    private readonly string _folder = Fixtures.TemporaryFolder();
    private readonly CpuBackend _backend = new(1);

    public void Dispose()
    {
        _backend.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void Quantize_GivesTheTensorsOfBitsandbytes_UpToTheOffsetsLastBit()
    {
        Quantizer.Quantize(Fixtures.Path("tiny/model"), _folder, new QuantizeOptions(), _backend);
        using var expected = Checkpoint.Open(Fixtures.Path("tiny/prequantized"));
        using var found = Checkpoint.Open(_folder);
        Assert.Equal(
            expected.Entries.Select(entry => entry.Name).Where(name => name != TensorNames.Head).Order(StringComparer.Ordinal),
            found.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal));
        foreach (var entry in found.Entries.Where(entry => entry.Name.Contains("_proj.", StringComparison.Ordinal)))
        {
            byte[] theirs = expected.FileOf(entry.Name).Bytes(entry.Name).ToArray();
            byte[] ours = found.FileOf(entry.Name).Bytes(entry.Name).ToArray();
            if (entry.Name.EndsWith(".weight", StringComparison.Ordinal) || entry.Name.EndsWith(".quant_map", StringComparison.Ordinal))
                Assert.Equal(theirs, ours);
            if (!entry.Name.EndsWith(".weight", StringComparison.Ordinal)) continue;
            var theirState = BitsAndBytesReader.TryReadState(expected, entry.Name)!;
            var ourState = BitsAndBytesReader.TryReadState(found, entry.Name)!;
            int theirBits = BitConverter.SingleToInt32Bits(theirState.NestedOffset!.Value);
            Assert.InRange(Math.Abs(theirBits - BitConverter.SingleToInt32Bits(ourState.NestedOffset!.Value)), 0, 1);
        }
    }

    [Fact]
    public void Quantize_KeepsTheBytesOfEveryOtherTensor()
    {
        Quantizer.Quantize(Fixtures.Path("tiny/model"), _folder, new QuantizeOptions { DoubleQuant = false }, _backend);
        using var source = Checkpoint.Open(Fixtures.Path("tiny/model"));
        using var found = Checkpoint.Open(_folder);
        Assert.All(source.Entries.Where(entry => !entry.Name.Contains("_proj.", StringComparison.Ordinal)), entry =>
            Assert.Equal(source.FileOf(entry.Name).Bytes(entry.Name).ToArray(), found.FileOf(entry.Name).Bytes(entry.Name).ToArray()));
        Assert.DoesNotContain(found.Entries, entry => entry.Name.EndsWith(".nested_absmax", StringComparison.Ordinal));
        Assert.False(GemmaConfig.Load(_folder).Quantization!.UseDoubleQuant);
    }

    [Fact]
    public void Quantize_OfAMultimodalModel_LeavesItsVisionTowerAlone()
    {
        Quantizer.Quantize(Fixtures.Path("tiny/multimodal"), _folder, new QuantizeOptions { MaxShardBytes = 500_000 }, _backend);
        using var source = Checkpoint.Open(Fixtures.Path("tiny/multimodal"));
        using var found = Checkpoint.Open(_folder);
        Assert.True(found.Files.Count > 1);
        var vision = source.Entries.Where(entry => !TensorNames.TryNormalize(entry.Name, out _)).ToArray();
        Assert.NotEmpty(vision);
        Assert.All(
            vision,
            entry =>
                Assert.Equal(source.FileOf(entry.Name).Bytes(entry.Name).ToArray(), found.FileOf(entry.Name).Bytes(entry.Name).ToArray()));
        Assert.Contains("vision_tower", GemmaConfig.Load(_folder).Quantization!.SkipModules!);
        GemmaModel.Load(_folder, _backend).Dispose();
    }

    [Fact]
    public void Quantize_RefusesItsOwnFolderAndA4BitModel()
    {
        string quantized = Fixtures.Path("tiny/prequantized"), model = Fixtures.Path("tiny/model");
        Assert.Contains(
            "in 4 bits already", Assert.Throws<LapidaryException>(() => Quantizer.Quantize(quantized, _folder, new(), _backend)).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "would be overwritten", Assert.Throws<LapidaryException>(() => Quantizer.Quantize(model, model, new(), _backend)).Message,
            StringComparison.Ordinal);
    }
}
