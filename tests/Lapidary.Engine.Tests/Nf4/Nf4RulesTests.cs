using Lapidary.Formats;

namespace Lapidary.Engine.Tests;

/// <summary>NF4's rules where no golden reaches: all block sizes and types, tails, ties, extremes, errors.</summary>
public sealed class Nf4RulesTests : IDisposable
{
    private static readonly Nf4Options Plain = new() { DoubleQuant = false };

    private readonly CpuBackend _backend = new(1);
    private readonly MemoryRegion _region;

    public Nf4RulesTests() => _region = new MemoryRegion(_backend.Memory, MemoryOwner.Base);

    [Theory]
    [InlineData(32, 1)]
    [InlineData(32, 31)]
    [InlineData(32, 4097)]
    [InlineData(64, 63)]
    [InlineData(64, 65)]
    [InlineData(64, 200_001)]
    [InlineData(128, 1000)]
    [InlineData(256, 1023)]
    [InlineData(512, 5000)]
    [InlineData(1024, 5001)]
    [InlineData(2048, 2047)]
    [InlineData(4096, 12_289)]
    public void Quantize_AgreesWithThePlainRules(int blockSize, int count)
    {
        float[] weight = RandomWeight(count, seed: blockSize + count);
        var (codes, absmax) = Nf4Reference.Quantize(weight, blockSize);
        foreach (int threads in (int[])[1, 3])
        {
            var actual = Nf4Quantizer.Quantize(NewTensor(weight), Plain with { BlockSize = blockSize, Threads = threads }, _region);
            Assert.Equal(absmax, actual.Scales!.Absmax.AsSpan<float>());
            Assert.Equal(Nf4Reference.Pack(codes, absmax[^1]), Packed(actual));
        }
    }

    [Fact]
    public void Quantize_AtEveryThreshold_TakesTheLowerCode()
    {
        float[] weight = new float[64];
        for (int i = 0; i < 15; i++)
        {
            weight[2 * i] = Nf4Code.Thresholds[i];
            weight[2 * i + 1] = MathF.BitIncrement(Nf4Code.Thresholds[i]);
        }

        weight[^1] = 1;
        byte[] packed = Packed(Nf4Quantizer.Quantize(NewTensor(weight), Plain, _region));
        for (int i = 0; i < 15; i++) Assert.Equal((i << 4) | (i + 1), packed[i]);
    }

    [Fact]
    public void Quantize_TakesEveryFiniteHalfAndBFloat16_AsItsFp32Value()
    {
        ushort[] bits = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        AssertSameAsFp32(DType.Float16, [.. bits.Where(b => Half.IsFinite(BitConverter.UInt16BitsToHalf(b)))],
            b => (float)BitConverter.UInt16BitsToHalf(b));
        AssertSameAsFp32(DType.BFloat16, [.. bits.Where(b => float.IsFinite(BFloat16.ToSingle(b)))], BFloat16.ToSingle);
    }

    [Fact]
    public void Quantize_CountsSubnormalNumbersAsZero()
    {
        float[] weight = new float[128];
        weight[0] = 1e-39f; // a block without a normal number is a block of zeros, whose codes are 0
        weight[64] = 1.2e-38f;
        weight[65] = 1.1e-38f; // nearly the same, but subnormal
        var actual = Nf4Quantizer.Quantize(NewTensor(weight), Plain, _region);
        Assert.Equal([0, 1.2e-38f], actual.Scales!.Absmax.AsSpan<float>());
        byte[] packed = Packed(actual);
        Assert.All(packed[..32], pair => Assert.Equal(0, pair));
        Assert.Equal(0xF7, packed[32]);
    }

    [Fact]
    public void Quantize_OfTheSpecifiedGenerator_GivesTheSpecifiedBytes()
    {
        // Worked out by an independent program from the published rules.
        const string Packed64 = "008AE1789D0CF0C65F5FFB5735B11E30639F0D33F8BBA1FD6C3C9D626B8E5EC1"
            + "B44DD115EC825ED4EB8EAE5DE1AA19E13DC413E5DC1CE82E52BDF0B0417EF34E";
        var weight = _region.New("weight", DType.BFloat16, 2, 64);
        uint state = 12345;
        foreach (ref ushort bits in weight.AsSpan<ushort>())
        {
            state = unchecked(state * 1664525 + 1013904223);
            bits = BFloat16.FromSingle((float)(((state >> 8) / 16777216.0 - 0.5) * 0.1));
        }

        var actual = Nf4Quantizer.Quantize(weight, Plain, _region);
        Assert.Equal(Packed64, Convert.ToHexString(Packed(actual)));
        Assert.Equal([0x3D4A0000u, 0x3D4D0000u], actual.Scales!.Absmax.AsSpan<float>().ToArray().Select(BitConverter.SingleToUInt32Bits));
        var output = _region.New("output", DType.BFloat16, 2, 64);
        Nf4Quantizer.Dequantize(actual, output);
        Assert.Equal([0xBD4A, 0xBD4A, 0x3B81, 0x3C47], output.AsSpan<ushort>()[..4].ToArray());
    }

    [Fact]
    public void Quantize_WithoutAnOffset_TakesTheMeanOfTheScales()
    {
        var weight = NewTensor(RandomWeight(64 * 300, seed: 5));
        float[] absmax = Nf4Quantizer.Quantize(weight, Plain, _region).Scales!.Absmax.AsSpan<float>().ToArray();
        var scales = Nf4Quantizer.Quantize(weight, new Nf4Options(), _region).Scales!;
        Assert.Equal((float)absmax.Average(x => (double)x), scales.Offset);
        Assert.Equal(2, scales.NestedAbsmax!.Count);
        Assert.Equal(absmax.Skip(256).Max(x => Math.Abs(x - scales.Offset)), scales.NestedAbsmax.AsSpan<float>()[1]);
    }

    [Theory]
    [InlineData(DType.Float32)]
    [InlineData(DType.BFloat16)]
    [InlineData(DType.Float16)]
    public void Dequantize_ScalesRoundsAndRoundsAgain(DType dtype)
    {
        const int Count = 64 * 300 + 33;
        var quantized = Nf4Quantizer.Quantize(NewTensor(RandomWeight(Count, seed: 9)), new Nf4Options(), _region);
        var scales = quantized.Scales!;
        var output = _region.New("output", dtype, Count);
        Nf4Quantizer.Dequantize(quantized, output, threads: 2);
        byte[] packed = Packed(quantized);
        for (int i = 0; i < Count; i++)
        {
            int code = i % 2 == 0 ? packed[i / 2] >> 4 : packed[i / 2] & 15;
            byte scaleCode = scales.Absmax.AsSpan<byte>()[i / 64];
            float d = scales.NestedCode!.AsSpan<float>()[scaleCode] * scales.NestedAbsmax!.AsSpan<float>()[i / 64 / 256];
            float value = Nf4Code.Values[code] * (d + scales.Offset);
            switch (dtype)
            {
                case DType.Float32:
                    Assert.Equal(value, output.AsSpan<float>()[i]);
                    break;
                case DType.BFloat16:
                    Assert.Equal(BFloat16.FromSingle(value), output.AsSpan<ushort>()[i]);
                    break;
                default:
                    Assert.Equal((Half)value, output.AsSpan<Half>()[i]);
                    break;
            }
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void Quantize_OfNumbersThatAreNotFinite_SaysWhere(float bad)
    {
        float[] weight = new float[300];
        weight[200] = bad;
        foreach (bool nested in (bool[])[false, true])
        {
            var error = Assert.Throws<LapidaryException>(() =>
                Nf4Quantizer.Quantize(NewTensor(weight), new Nf4Options { DoubleQuant = nested }, _region));
            Assert.Contains("weight", error.Message, StringComparison.Ordinal);
            Assert.Contains("elements 192 and following", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(48)]
    [InlineData(16)]
    [InlineData(8192)]
    public void Quantize_RefusesOtherBlockSizes(int blockSize) => Assert.Throws<LapidaryException>(() =>
        Nf4Quantizer.Quantize(NewTensor([1]), new Nf4Options { BlockSize = blockSize }, _region));

    [Fact]
    public void Quantize_RefusesTypesThatAreNotNumbers() => Assert.Throws<ShapeException>(() =>
        Nf4Quantizer.Quantize(_region.New("ids", DType.Int32, 4), new Nf4Options(), _region));

    [Fact]
    public void Dequantize_RefusesWhatDoesNotBelongTogether()
    {
        var quantized = Nf4Quantizer.Quantize(NewTensor([1, 2, 3]), new Nf4Options(), _region);
        Assert.Throws<ShapeException>(() => Nf4Quantizer.Dequantize(quantized, _region.New("output", DType.Float32, 4)));
        var other = new Tensor(quantized.Address, DType.NF4, 3) { Scales = quantized.Scales! with { BlockSize = 8192 } };
        Assert.Throws<ShapeException>(() => Nf4Quantizer.Dequantize(other, _region.New("output", DType.Float32, 3)));
        Assert.Throws<ShapeException>(() => Nf4Quantizer.Dequantize(NewTensor([1, 2, 3]), _region.New("output", DType.Float32, 3)));
    }

    public void Dispose()
    {
        _region.Dispose();
        _backend.Dispose();
    }

    private void AssertSameAsFp32(DType dtype, ushort[] bits, Func<ushort, float> toSingle)
    {
        var weight = _region.New("weight", dtype, bits.Length);
        _backend.Write<ushort>(bits, weight);
        var expected = Nf4Quantizer.Quantize(NewTensor([.. bits.Select(toSingle)]), Plain, _region);
        var actual = Nf4Quantizer.Quantize(weight, Plain, _region);
        Assert.Equal(Packed(expected), Packed(actual));
        Assert.Equal(expected.Scales!.Absmax.AsSpan<float>(), actual.Scales!.Absmax.AsSpan<float>());
    }

    private Tensor NewTensor(float[] values)
    {
        var tensor = _region.New("weight", DType.Float32, values.Length);
        _backend.Write<float>(values, tensor);
        return tensor;
    }

    private static float[] RandomWeight(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) * MathF.Exp(random.NextSingle() * 4))];
    }

    private static unsafe byte[] Packed(Tensor tensor) => new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.LengthBytes).ToArray();
}
