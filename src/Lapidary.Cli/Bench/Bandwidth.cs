using System.Diagnostics;
using Lapidary.Engine;

namespace Lapidary.Cli.Bench;

/// <summary>Measures the speed of a backend's memory by adding one large array to another: two are read, one is written.</summary>
internal static class Bandwidth
{
    private const long ArrayBytes = 256L << 20;
    private const int Passes = 10, ArraysTouched = 3;

    /// <summary>Bytes per second of the fastest pass.</summary>
    public static double Measure(IBackend backend)
    {
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Workspace);
        var dtype = backend.ActivationDType;
        long count = ArrayBytes / dtype.LengthBytes(1);
        Tensor source = region.New("source", dtype, count), target = region.New("target", dtype, count);
        var best = TimeSpan.MaxValue;
        Span<byte> one = stackalloc byte[1];
        for (int pass = 0; pass < Passes; pass++)
        {
            backend.Read(target, one);
            long start = Stopwatch.GetTimestamp();
            backend.Add(source, target);
            backend.Read(target, one);
            var elapsed = Stopwatch.GetElapsedTime(start);
            if (elapsed < best) best = elapsed;
        }

        return ArraysTouched * ArrayBytes / best.TotalSeconds;
    }
}
