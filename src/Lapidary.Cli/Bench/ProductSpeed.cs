using System.Diagnostics;
using Lapidary.Engine;

namespace Lapidary.Cli.Bench;

/// <summary>Measures the speed of a backend's matrix products on large matrices of random activations.</summary>
internal static class ProductSpeed
{
    /// <summary>Rows and columns: enough for a GPU, and for a CPU, which computes in fp32.</summary>
    private const int Size = 2048, SizeOfFloats = 512;

    private const int ProductsPerPass = 10, Passes = 4;

    /// <summary>Operations per second of the fastest pass; an addition and a multiplication are two.</summary>
    public static double Measure(IBackend backend)
    {
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Workspace);
        var dtype = backend.ActivationDType;
        long size = dtype == DType.Float32 ? SizeOfFloats : Size;
        Tensor x = region.New("x", dtype, size, size), weight = region.New("weight", dtype, size, size);
        var y = region.New("y", dtype, size, size);
        var random = new RandomBlocks(backend, seed: 1);
        random.WriteUniform(x, 1);
        random.WriteUniform(weight, 1);
        var best = TimeSpan.MaxValue;
        Span<byte> one = stackalloc byte[1];
        for (int pass = 0; pass < Passes; pass++)
        {
            backend.Read(y, one);
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < ProductsPerPass; i++) backend.LinearForward(x, weight, y);
            backend.Read(y, one);
            var elapsed = Stopwatch.GetElapsedTime(start);
            if (elapsed < best) best = elapsed;
        }

        return 2.0 * size * size * size * ProductsPerPass / best.TotalSeconds;
    }
}
