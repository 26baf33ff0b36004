using System.Diagnostics;
using Lapidary.Engine;

namespace Lapidary.Cli.Bench;

/// <summary>Measures the speed of a backend's matrix products on large matrices of random activations.</summary>
internal static class ProductSpeed
{
    private const int Size = 2048, ProductsPerPass = 10, Passes = 4;

    /// <summary>Operations per second of the fastest pass; an addition and a multiplication are two.</summary>
    public static double Measure(IBackend backend)
    {
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Workspace);
        var dtype = backend.ActivationDType;
        Tensor x = region.New("x", dtype, Size, Size), weight = region.New("weight", dtype, Size, Size);
        var y = region.New("y", dtype, Size, Size);
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

        return 2.0 * Size * Size * Size * ProductsPerPass / best.TotalSeconds;
    }
}
