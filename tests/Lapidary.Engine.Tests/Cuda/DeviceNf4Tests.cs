using Lapidary.Formats;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Quantization on any backend against the host's, byte by byte, and imports larger and smaller than the pinned buffers.</summary>
[Collection(nameof(DeviceRun))]
public sealed class DeviceNf4Tests : IDisposable
{
    private readonly MemoryRegion _host = MemoryRegion.OnHost(MemoryOwner.Inputs);

    public static IEnumerable<object[]> Devices => DeviceRun.EachDevice;

    public static IEnumerable<object[]> Types => DeviceRun.Each([DType.Float32], [DType.BFloat16], [DType.Float16]);

    public static IEnumerable<object[]> Goldens => DeviceRun.Each([.. Nf4QuantizerTests.Cases.Select(row => (object[])[row.Data])]);

    /// <summary>Bytes around one and two pinned buffers, and around the size that takes the plain way.</summary>
    public static IEnumerable<object[]> Sizes =>
        DeviceRun.Each([1], [(1 << 20) - 1], [(1 << 20) + 1], [8 << 20], [16 << 20], [(32 << 20) + 3]);

    [Theory]
    [MemberData(nameof(Types))]
    public void QuantizeNf4_GivesTheHostsBytes_ForEveryBlockSizeAndTail(string device, DType dtype)
    {
        using var run = DeviceRun.On(device);
        foreach (int blockSize in (int[])[32, 64, 128, 256, 512, 1024, 2048, 4096])
        {
            foreach (int count in (int[])[1, 2, 7, 8, 9, 31, 64, 65, 4095, 4096, 4097, 12_289, 64 * 300 + 33])
            {
                var weight = Random(dtype, seed: blockSize + count, count);
                foreach (bool nested in (bool[])[false, true])
                    AssertSame(run.Backend, weight, new Nf4Options { BlockSize = blockSize, DoubleQuant = nested });
            }
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void QuantizeNf4_GivesTheHostsBytes_AcrossPinnedBuffers(string device, DType dtype)
    {
        using var run = DeviceRun.On(device);
        AssertSame(run.Backend, Random(dtype, seed: 1, 10_001, 2049), new Nf4Options());
    }

    [Theory]
    [MemberData(nameof(Goldens))]
    public void QuantizeNf4_EqualsBitsandbytes(string device, string name)
    {
        using var run = DeviceRun.On(device);
        using var golden = SafetensorsFile.Open(Fixtures.Path("tiny/nf4.safetensors"));
        using var region = new MemoryRegion(run.Backend.Memory, MemoryOwner.Base);
        var weight = golden.Get(name + ".weight");

        var plain = run.Backend.QuantizeNf4(weight, new Nf4Options { DoubleQuant = false }, region);
        Assert.Equal(golden.Bytes(name + ".packed"), Bytes(run.Backend, plain));
        Assert.Equal(golden.Bytes(name + ".absmax"), Bytes(run.Backend, plain.Scales!.Absmax));

        float offset = golden.Get(name + ".dq.offset").AsSpan<float>()[0];
        var nested = run.Backend.QuantizeNf4(weight, new Nf4Options { Offset = offset }, region);
        Assert.Equal(golden.Bytes(name + ".dq.packed"), Bytes(run.Backend, nested));
        Assert.Equal(golden.Bytes(name + ".dq.absmax"), Bytes(run.Backend, nested.Scales!.Absmax));
        Assert.Equal(golden.Bytes(name + ".dq.nested_absmax"), Bytes(run.Backend, nested.Scales.NestedAbsmax!));
        Assert.Equal(golden.Bytes("nested.code"), Bytes(run.Backend, nested.Scales.NestedCode!));
    }

    /// <summary>Zeros of both signs, ties at every threshold, subnormal numbers, and blocks whose reciprocal is subnormal or
    /// infinite.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void QuantizeNf4_GivesTheHostsBytes_ForSpecialValues(string device)
    {
        using var run = DeviceRun.On(device);
        List<float[]> blocks =
        [
            new float[64],
            [.. Enumerable.Repeat(-0.0f, 64)],
            Block(1, -1),
            Block(1e-39f, -1e-45f),
            Block(1.2e-38f, 1.1e-38f, -1.17549435e-38f),
            Block(3e38f, -3.4028235e38f, 1),
            Block(1.7014118e38f, 8.5e37f),
            Block([1, .. Nf4Code.Thresholds, .. Nf4Code.Thresholds.ToArray().Select(MathF.BitIncrement)]),
            Block([1, .. Nf4Code.Thresholds.ToArray().Select(MathF.BitDecrement)]),
            [.. Enumerable.Repeat(0.37f, 64)],
        ];
        float[] values = [.. blocks.SelectMany(block => block)];
        foreach (var dtype in (DType[])[DType.Float32, DType.BFloat16])
        {
            var weight = _host.New("weight", dtype, blocks.Count, 64);
            float[] finite = dtype == DType.BFloat16 ? [.. values.Select(x => Math.Clamp(x, -3e38f, 3e38f))] : values;
            FloatConversion.FromSingle(finite, dtype, weight.AsBytes());
            foreach (bool nested in (bool[])[false, true]) AssertSame(run.Backend, weight, new Nf4Options { DoubleQuant = nested });
        }
    }

    /// <summary>All finite halves and bfloat16s, subnormal ones among them.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void QuantizeNf4_GivesTheHostsBytes_ForEveryNumberOf16Bits(string device)
    {
        using var run = DeviceRun.On(device);
        ushort[] bits = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];
        var finite = bits.Where(b => Half.IsFinite(BitConverter.UInt16BitsToHalf(b)));
        AssertSame(run.Backend, From(DType.Float16, [.. finite]), new Nf4Options());
        AssertSame(run.Backend, From(DType.BFloat16, [.. bits.Where(b => float.IsFinite(BFloat16.ToSingle(b)))]), new Nf4Options());
    }

    /// <summary>Scales at and beside every midpoint of the map: with offset 0 and a scale of 1 in each group they are the numbers that are
    /// looked up.</summary>
    [Theory]
    [MemberData(nameof(Devices))]
    public void QuantizeNf4_GivesTheHostsScales_AtEveryMidpoint(string device)
    {
        using var run = DeviceRun.On(device);
        var scales = new List<float>();
        for (int i = 127; i < 255; i++)
        {
            float midpoint = (DynamicMap.Values[i] + DynamicMap.Values[i + 1]) * 0.5f;
            if (scales.Count % Nf4Scales.NestedBlockSize == 0) scales.Add(1);
            scales.AddRange([MathF.BitDecrement(midpoint), midpoint, MathF.BitIncrement(midpoint)]);
            if (scales.Count % Nf4Scales.NestedBlockSize >= 250) while (scales.Count % Nf4Scales.NestedBlockSize != 0) scales.Add(0.5f);
        }

        var weight = _host.New("weight", DType.Float32, scales.Count, 64);
        for (int block = 0; block < scales.Count; block++) weight.AsSpan<float>()[block * 64 + block % 64] = scales[block];
        AssertSame(run.Backend, weight, new Nf4Options { Offset = 0 });
        AssertSame(run.Backend, weight, new Nf4Options { Offset = 0.25f });
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void QuantizeNf4_SaysWhere_NumbersAreNotFinite(string device)
    {
        using var run = DeviceRun.On(device);
        using var region = new MemoryRegion(run.Backend.Memory, MemoryOwner.Base);
        foreach (float bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            var weight = _host.New("weight", DType.Float32, 300);
            weight.AsSpan<float>()[200] = bad;
            foreach (bool nested in (bool[])[false, true])
            {
                var options = new Nf4Options { DoubleQuant = nested };
                var error = Assert.Throws<LapidaryException>(() => run.Backend.QuantizeNf4(weight, options, region));
                Assert.Contains("elements 192 and following", error.Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Devices))]
    public void QuantizeNf4_LeavesNothingButTheWeight(string device)
    {
        using var run = DeviceRun.On(device);
        var weight = Random(DType.BFloat16, seed: 3, 640, 640);
        long before = run.Backend.Memory.LiveBytes;
        using (var region = new MemoryRegion(run.Backend.Memory, MemoryOwner.Base))
        {
            var quantized = run.Backend.QuantizeNf4(weight, new Nf4Options(), region);
            Assert.Equal(before + region.LengthBytes, run.Backend.Memory.LiveBytes);
            long lengthBytes = quantized.LengthBytes + quantized.Scales!.LengthBytes;
            Assert.InRange(region.LengthBytes, lengthBytes, lengthBytes + 2048);
        }

        Assert.Equal(before, run.Backend.Memory.LiveBytes);
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Import_KeepsEveryByte(string device, int lengthBytes)
    {
        using var run = DeviceRun.On(device);
        using var region = new MemoryRegion(run.Backend.Memory, MemoryOwner.Base);
        var source = _host.New("source", DType.UInt8, lengthBytes);
        new Random(lengthBytes).NextBytes(source.AsSpan<byte>());
        var imported = run.Backend.Import(source, region);
        Assert.True(source.AsSpan<byte>().SequenceEqual(Bytes(run.Backend, imported)), $"{lengthBytes} bytes");
    }

    /// <summary>The source is the caller's again when the call returns. (On the CPU the tensor itself comes back.)</summary>
    [Fact]
    public void Import_HasReadItsSource_WhenItReturns()
    {
        using var run = DeviceRun.On("cuda");
        using var region = new MemoryRegion(run.Backend.Memory, MemoryOwner.Base);
        var source = _host.New("source", DType.UInt8, 40 << 20);
        source.AsSpan<byte>().Fill(1);
        var first = run.Backend.Import(source, region);
        source.AsSpan<byte>().Fill(2);
        var second = run.Backend.Import(source, region);
        source.AsSpan<byte>().Fill(3);
        Assert.Equal(-1, Bytes(run.Backend, first).AsSpan().IndexOfAnyExcept((byte)1));
        Assert.Equal(-1, Bytes(run.Backend, second).AsSpan().IndexOfAnyExcept((byte)2));
    }

    public void Dispose() => _host.Dispose();

    private void AssertSame(IBackend backend, Tensor weight, Nf4Options options)
    {
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        var expected = Nf4Quantizer.Quantize(weight, options, _host);
        var actual = backend.QuantizeNf4(weight, options, region);
        string what = $"{weight.DType}, {weight.Count} elements, blocks of {options.BlockSize}, "
            + $"double quantization {options.DoubleQuant}";
        AssertSame(backend, expected.Scales!.Absmax, actual.Scales!.Absmax, what + ": absmax");
        AssertSame(backend, expected, actual, what + ": codes");
        Assert.True(
            expected.Scales.Offset.Equals(actual.Scales.Offset),
            $"{what}: offset {actual.Scales.Offset:R}, expected {expected.Scales.Offset:R}");
        Assert.Equal(expected.Scales.IsNested, actual.Scales.IsNested);
        if (!expected.Scales.IsNested) return;
        AssertSame(backend, expected.Scales.NestedAbsmax!, actual.Scales.NestedAbsmax!, what + ": nested absmax");
        AssertSame(backend, expected.Scales.NestedCode!, actual.Scales.NestedCode!, what + ": map");
    }

    private static void AssertSame(IBackend backend, Tensor expected, Tensor actual, string what)
    {
        byte[] found = Bytes(backend, actual);
        var wanted = expected.AsBytes();
        Assert.Equal(wanted.Length, found.Length);
        int at = wanted.CommonPrefixLength(found);
        Assert.True(
            at == wanted.Length,
            at == wanted.Length ? "" : $"{what}: byte {at} of {wanted.Length} is {found[at]:X2}, expected {wanted[at]:X2}");
    }

    private Tensor Random(DType dtype, int seed, params long[] shape)
    {
        var random = new Random(seed);
        var weight = _host.New("weight", dtype, shape);
        float[] values = new float[weight.Count];
        foreach (ref float x in values.AsSpan()) x = (random.NextSingle() - 0.5f) * MathF.Exp(random.NextSingle() * 4);
        FloatConversion.FromSingle(values, dtype, weight.AsBytes());
        return weight;
    }

    private Tensor From(DType dtype, ushort[] bits)
    {
        var weight = _host.New("weight", dtype, bits.Length);
        bits.CopyTo(weight.AsSpan<ushort>());
        return weight;
    }

    private static float[] Block(params ReadOnlySpan<float> values)
    {
        float[] block = new float[64];
        values.CopyTo(block);
        return block;
    }

    private static byte[] Bytes(IBackend backend, Tensor tensor)
    {
        byte[] bytes = new byte[tensor.LengthBytes];
        backend.Read<byte>(tensor, bytes);
        return bytes;
    }
}
