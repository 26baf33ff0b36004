using System.Diagnostics;
using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Benchmarks;

/// <summary>Speed of NF4 quantization, in MB of bf16 weights read a second, and of dequantization, in GB of numbers written a second,
/// beside a plain copy of the same weights.</summary>
internal static class Nf4Benchmark
{
    // gate_proj of Gemma 3 4B.
    private const int Out = 10240;
    private const int In = 2560;
    private const int Runs = 7;

    public static int Run()
    {
        using var backend = new CpuBackend(1);
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        var weight = region.New("weight", DType.BFloat16, Out, In);
        var random = new Random(1);
        foreach (ref ushort bits in weight.AsSpan<ushort>()) bits = BFloat16.FromSingle((random.NextSingle() - 0.5f) * 0.1f);
        var copy = region.New("copy", DType.BFloat16, Out, In);
        Console.WriteLine($"NF4 of a bf16 weight [{Out}, {In}], {ByteSize.Format(weight.LengthBytes)}; best of {Runs} runs");
        Report("copy", 1, weight.LengthBytes, () => weight.AsSpan<ushort>().CopyTo(copy.AsSpan<ushort>()));
        foreach (int threads in (int[])[1, 2])
        {
            foreach (bool nested in (bool[])[false, true])
            {
                var options = new Nf4Options { DoubleQuant = nested, Threads = threads };
                Report(nested ? "quantize, double quantization" : "quantize", threads, weight.LengthBytes, () =>
                {
                    using var target = new MemoryRegion(backend.Memory, MemoryOwner.Base);
                    Nf4Quantizer.Quantize(weight, options, target);
                });
            }

            var quantized = Nf4Quantizer.Quantize(weight, new Nf4Options(), region);
            foreach (var dtype in (DType[])[DType.BFloat16, DType.Float32])
            {
                var output = region.New("output", dtype, Out, In);
                Report($"dequantize to {dtype}", threads, output.LengthBytes, () => Nf4Quantizer.Dequantize(quantized, output, threads));
            }
        }

        return 0;
    }

    private static void Report(string name, int threads, long bytes, Action action)
    {
        var best = TimeSpan.MaxValue;
        for (int run = 0; run < Runs; run++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            var elapsed = Stopwatch.GetElapsedTime(start);
            if (elapsed < best) best = elapsed;
        }

        Console.WriteLine($"{name,-32} {threads} {(threads == 1 ? "thread " : "threads")} {bytes / best.TotalSeconds / 1e6,8:F0} MB/s");
    }
}
