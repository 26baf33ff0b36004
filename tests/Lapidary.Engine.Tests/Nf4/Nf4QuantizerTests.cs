using Lapidary.Formats;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests;

/// <summary>Against bytes that bitsandbytes wrote on a GPU (tests/Fixtures/make/make_reference.py), and rules worked out by hand.</summary>
public sealed class Nf4QuantizerTests : IDisposable
{
    private readonly CpuBackend _backend = new(1);
    private readonly MemoryRegion _region;
    private readonly SafetensorsFile _golden = SafetensorsFile.Open(Fixtures.Path("tiny/nf4.safetensors"));

    public Nf4QuantizerTests() => _region = new MemoryRegion(_backend.Memory, MemoryOwner.Base);

    public static TheoryData<string> Cases => [.. new[] { "a96x64", "b33x50", "c1x64", "z16x64" }
        .SelectMany(name => new[] { name + ".bfloat16", name + ".float32" }).Append("d512x96.bfloat16").Append("t129x513.bfloat16")];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Quantize_EqualsBitsandbytes(string name)
    {
        var actual = Nf4Quantizer.Quantize(_golden.Get(name + ".weight"), new Nf4Options { DoubleQuant = false }, _region);
        Assert.Equal(Bytes(_golden.Get(name + ".packed")), Bytes(actual));
        Assert.Equal(Bytes(_golden.Get(name + ".absmax")), Bytes(actual.Scales!.Absmax));
        Assert.False(actual.Scales.IsNested);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Quantize_WithTheOffsetOfAFile_RepeatsItsDoubleQuantization(string name)
    {
        var options = new Nf4Options { Offset = _golden.Get(name + ".dq.offset").AsSpan<float>()[0] };
        var actual = Nf4Quantizer.Quantize(_golden.Get(name + ".weight"), options, _region);
        Assert.Equal(Bytes(_golden.Get(name + ".dq.packed")), Bytes(actual));
        Assert.Equal(Bytes(_golden.Get(name + ".dq.absmax")), Bytes(actual.Scales!.Absmax));
        Assert.Equal(Bytes(_golden.Get(name + ".dq.nested_absmax")), Bytes(actual.Scales.NestedAbsmax!));
        Assert.Equal(Bytes(_golden.Get("nested.code")), Bytes(actual.Scales.NestedCode!));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Dequantize_EqualsBitsandbytes(string name)
    {
        var weight = _golden.Get(name + ".weight");
        var quantized = Nf4Quantizer.Quantize(weight, new Nf4Options { DoubleQuant = false }, _region);
        Assert.Equal(Bytes(_golden.Get(name + ".dequant")), Bytes(Dequantize(quantized, weight.DType)));
        if (!_golden.Contains(name + ".dq.dequant")) return;
        var options = new Nf4Options { Offset = _golden.Get(name + ".dq.offset").AsSpan<float>()[0] };
        quantized = Nf4Quantizer.Quantize(weight, options, _region);
        Assert.Equal(Bytes(_golden.Get(name + ".dq.dequant")), Bytes(Dequantize(quantized, weight.DType)));
    }

    public void Dispose()
    {
        _golden.Dispose();
        _region.Dispose();
        _backend.Dispose();
    }

    private Tensor Dequantize(Tensor weight, DType dtype)
    {
        var output = _region.New("dequantized", dtype, weight.Shape);
        Nf4Quantizer.Dequantize(weight, output);
        return output;
    }

    private static unsafe byte[] Bytes(Tensor tensor) => new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.LengthBytes).ToArray();
}
