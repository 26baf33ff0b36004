namespace Lapidary.Engine.Tests.Cpu;

/// <summary>A CPU backend with tensors to feed it and checks of what it wrote.</summary>
internal sealed class CpuRun : IDisposable
{
    private readonly MemoryRegion _region;
    private readonly Random _random = new(20250);

    public CpuRun(int threads = 2)
    {
        Backend = new CpuBackend(threads);
        _region = new MemoryRegion(Backend.Memory, MemoryOwner.Activations);
    }

    public CpuBackend Backend { get; }

    /// <summary>Normal values of the given deviation.</summary>
    public Tensor Normal(double deviation, params long[] shape)
    {
        var tensor = New(shape);
        foreach (ref float x in tensor.AsSpan<float>())
            x = (float)(deviation * Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble()));
        return tensor;
    }

    /// <summary>An output: filled with NaN, so that what is not written shows.</summary>
    public Tensor New(params long[] shape)
    {
        var tensor = _region.New("", DType.Float32, shape);
        tensor.AsSpan<float>().Fill(float.NaN);
        return tensor;
    }

    public Tensor Zeros(params long[] shape) => _region.New("", DType.Float32, shape);

    public Tensor Copy(Tensor source)
    {
        var tensor = _region.New("", source.DType, source.Shape);
        source.AsSpan<float>().CopyTo(tensor.AsSpan<float>());
        return tensor;
    }

    public Tensor Ints(params int[] values)
    {
        var tensor = _region.New("", DType.Int32, values.Length);
        values.CopyTo(tensor.AsSpan<int>());
        return tensor;
    }

    public Tensor Floats(params float[] values)
    {
        var tensor = New(values.Length);
        values.CopyTo(tensor.AsSpan<float>());
        return tensor;
    }

    /// <summary>The values rounded to another floating type.</summary>
    public Tensor As(DType dtype, Tensor source)
    {
        if (dtype == DType.Float32) return Copy(source);
        var tensor = _region.New("", dtype, source.Shape);
        var from = source.AsSpan<float>();
        var to = tensor.AsSpan<ushort>();
        for (int i = 0; i < from.Length; i++)
            to[i] = dtype == DType.BFloat16 ? BFloat16.FromSingle(from[i]) : BitConverter.HalfToUInt16Bits((Half)from[i]);
        return tensor;
    }

    /// <summary>The values in fp64, whatever floating type the tensor has.</summary>
    public static double[] Doubles(Tensor tensor) => tensor.DType switch
    {
        DType.Float32 => [.. tensor.AsSpan<float>().ToArray().Select(x => (double)x)],
        DType.BFloat16 => [.. tensor.AsSpan<ushort>().ToArray().Select(x => (double)BFloat16.ToSingle(x))],
        _ => [.. tensor.AsSpan<ushort>().ToArray().Select(x => (double)BitConverter.UInt16BitsToHalf(x))],
    };

    public void Dispose()
    {
        _region.Dispose();
        Backend.Dispose();
    }
}
