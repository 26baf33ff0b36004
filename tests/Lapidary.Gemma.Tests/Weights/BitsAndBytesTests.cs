using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Safetensors;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>Against tiny/prequantized: the checkpoint that transformers and bitsandbytes made of tiny/model on a GPU.</summary>
public sealed class BitsAndBytesTests : IDisposable
{
    private readonly Checkpoint _model = Checkpoint.Open(Fixtures.Path("tiny/model"));
    private readonly Checkpoint _quantized = Checkpoint.Open(Fixtures.Path("tiny/prequantized"));
    private readonly CpuBackend _backend = new(1);
    private readonly MemoryRegion _region;

    public BitsAndBytesTests() => _region = new MemoryRegion(_backend.Memory, MemoryOwner.Base);

    private IEnumerable<string> QuantizedNames => _quantized.Entries.Select(entry => entry.Name)
        .Where(name => name.EndsWith("_proj.weight", StringComparison.Ordinal));

    [Fact]
    public void TryRead_FindsEveryProjectionAndNothingElse()
    {
        var found = _model.Entries.Select(entry => entry.Name).Where(name => BitsAndBytesReader.TryRead(_quantized, name) is not null);
        Assert.Equal(QuantizedNames.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
        Assert.Equal(49, QuantizedNames.Count());
        Assert.Null(BitsAndBytesReader.TryRead(_model, "model.layers.0.mlp.up_proj.weight"));
        Assert.Null(BitsAndBytesReader.TryRead(_quantized, "no.such.weight"));
    }

    [Fact]
    public void TryRead_GivesTheShapeAndScalesOfTheFile()
    {
        const string Name = "model.layers.0.mlp.down_proj.weight";
        var weight = BitsAndBytesReader.TryRead(_quantized, Name)!;
        Assert.Equal((Name, DType.NF4), (weight.Name, weight.DType));
        Assert.Equal([96, 192], weight.Shape);
        Assert.Equal((64, 288, 2), (weight.Scales!.BlockSize, weight.Scales.Absmax.Count, weight.Scales.NestedAbsmax!.Count));
        Assert.Equal(0.2774692177772522f, weight.Scales.Offset);
        Assert.Equal(
            new BitsAndBytesQuantState(64, DType.Float32, 96, 192, 0.2774692177772522f), BitsAndBytesReader.TryReadState(_quantized, Name));
    }

    [Fact]
    public void Quantize_WithTheOffsetsOfTheFile_RepeatsItsBytes()
    {
        foreach (string name in QuantizedNames)
        {
            var expected = BitsAndBytesReader.TryRead(_quantized, name)!;
            var actual = Nf4Quantizer.Quantize(_model.Get(name), new Nf4Options { Offset = expected.Scales!.Offset }, _region);
            AssertSame(expected, actual);
        }
    }

    [Fact]
    public void Quantize_WithItsOwnMeans_HasTheSameWeightsAndScalesNextToThem()
    {
        foreach (string name in QuantizedNames)
        {
            var expected = BitsAndBytesReader.TryRead(_quantized, name)!;
            var actual = Nf4Quantizer.Quantize(_model.Get(name), new Nf4Options(), _region);
            Assert.Equal(Bytes(expected), Bytes(actual));
            Assert.Equal(
                expected.Scales!.Offset, actual.Scales!.Offset, MathF.BitIncrement(expected.Scales.Offset) - expected.Scales.Offset);
            Assert.All(
                Bytes(expected.Scales.Absmax).Zip(Bytes(actual.Scales.Absmax)), pair => Assert.InRange(pair.First - pair.Second, -1, 1));
        }
    }

    [Fact]
    public void Dequantize_IsNearTheModel()
    {
        const string Name = "model.layers.3.self_attn.q_proj.weight";
        var weight = BitsAndBytesReader.TryRead(_quantized, Name)!;
        var output = _region.New("output", DType.BFloat16, weight.Shape);
        Nf4Quantizer.Dequantize(weight, output);
        double error = 0, norm = 0;
        foreach (var (a, b) in output.AsSpan<ushort>().ToArray().Zip(_model.Get(Name).AsSpan<ushort>().ToArray()))
        {
            error += Math.Pow(BFloat16.ToSingle(a) - BFloat16.ToSingle(b), 2);
            norm += Math.Pow(BFloat16.ToSingle(b), 2);
        }

        Assert.InRange(Math.Sqrt(error / norm), 0.05, 0.12); // NF4's error on normally distributed weights is 0.09
    }

    [Fact]
    public void Tensors_OfTheWholeModel_MakeTheSameFile()
    {
        var contents = new List<TensorContent>();
        foreach (var entry in _model.Entries)
        {
            var source = _model.Get(entry.Name);
            if (BitsAndBytesReader.TryRead(_quantized, entry.Name) is { } quantized)
            {
                var options = new Nf4Options { Offset = quantized.Scales!.Offset };
                contents.AddRange(BitsAndBytesWriter.Tensors(Nf4Quantizer.Quantize(source, options, _region), DType.Float32, _backend));
            }
            else
            {
                byte[] wide = [.. source.AsSpan<ushort>().ToArray().SelectMany(bits => BitConverter.GetBytes(BFloat16.ToSingle(bits)))];
                contents.Add(new(new TensorDeclaration(entry.Name, "F32", [.. entry.Shape]), stream => stream.Write(wide)));
            }
        }

        string path = WriteFile(contents);
        Assert.Equal(File.ReadAllBytes(Fixtures.Path("tiny/prequantized/model.safetensors")), File.ReadAllBytes(path));
    }

    [Theory]
    [InlineData(true, 64, 96, 64)]
    [InlineData(false, 64, 96, 64)]
    [InlineData(true, 128, 33, 51)]
    [InlineData(false, 4096, 5, 7)]
    public void TryRead_OfWhatWasWritten_IsTheSame(bool nested, int blockSize, int rows, int columns)
    {
        var source = _region.New("layer.weight", DType.Float16, rows, columns);
        var random = new Random(rows);
        foreach (ref var x in source.AsSpan<Half>()) x = (Half)(random.NextSingle() - 0.5f);
        var weight = Nf4Quantizer.Quantize(source, new Nf4Options { DoubleQuant = nested, BlockSize = blockSize }, _region);
        string path = WriteFile(BitsAndBytesWriter.Tensors(weight, DType.Float16, _backend));
        using var checkpoint = Checkpoint.Open(Path.GetDirectoryName(path)!);
        var read = BitsAndBytesReader.TryRead(checkpoint, "layer.weight")!;
        AssertSame(weight, read);
        Assert.Equal([rows, columns], read.Shape);
        Assert.Equal(DType.Float16, BitsAndBytesReader.TryReadState(checkpoint, "layer.weight")!.DType);
        Assert.Equal(nested ? 6 : 4, checkpoint.Entries.Count);
    }

    [Fact]
    public void Tensors_RefusesWhatIsNotAnNf4Matrix() =>
        Assert.Throws<ShapeException>(
            () => BitsAndBytesWriter.Tensors(_region.New("weight", DType.Float32, 2, 2), DType.Float32, _backend));

    public void Dispose()
    {
        _region.Dispose();
        _backend.Dispose();
        _model.Dispose();
        _quantized.Dispose();
    }

    private static string WriteFile(IEnumerable<TensorContent> contents)
    {
        string path = Path.Combine(Fixtures.TemporaryFolder(), "model.safetensors");
        List<TensorContent> ordered = [.. contents.OrderBy(content => content.Declaration, SafetensorsOrder.Instance)];
        using var writer = SafetensorsWriter.Create(path, [.. ordered.Select(content => content.Declaration)]);
        foreach (var content in ordered) writer.Write(content.Declaration.Name, content.WriteTo);
        writer.Complete();
        return path;
    }

    private static void AssertSame(Tensor expected, Tensor actual)
    {
        Assert.Equal(Bytes(expected), Bytes(actual));
        Assert.Equal(Bytes(expected.Scales!.Absmax), Bytes(actual.Scales!.Absmax));
        Assert.Equal(expected.Scales.BlockSize, actual.Scales.BlockSize);
        Assert.Equal(expected.Scales.Offset, actual.Scales.Offset);
        Assert.Equal(expected.Scales.IsNested, actual.Scales.IsNested);
        if (!expected.Scales.IsNested) return;
        Assert.Equal(Bytes(expected.Scales.NestedAbsmax!), Bytes(actual.Scales.NestedAbsmax!));
        Assert.Equal(Bytes(expected.Scales.NestedCode!), Bytes(actual.Scales.NestedCode!));
    }

    private static unsafe byte[] Bytes(Tensor tensor) => new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.LengthBytes).ToArray();
}
