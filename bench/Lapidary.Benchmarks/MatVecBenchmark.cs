using System.Diagnostics;
using Lapidary.Engine;

namespace Lapidary.Benchmarks;

/// <summary>Products of one token with a weight, in bytes of weight read a second; copies of the weight are cycled so that they come from
/// memory and not from a cache.</summary>
internal static class MatVecBenchmark
{
    private const long WorkingSetBytes = 160L << 20;

    private static readonly (int N, int K)[] Shapes = [(6912, 1152), (1152, 6912), (1024, 1152), (2048, 640)];

    /// <summary>Prints a Markdown table of 10⁹ bytes a second.</summary>
    public static void Run()
    {
        foreach (int threads in new[] { 1, Environment.ProcessorCount })
        {
            using var backend = new CpuBackend(threads);
            Console.WriteLine($"{Environment.NewLine}{backend.Description}{Environment.NewLine}");
            Console.WriteLine("| N, K | fp32 GB/s | bf16 GB/s | NF4 GB/s | NF4 µs |");
            Console.WriteLine("|---|---|---|---|---|");
            foreach (var (n, k) in Shapes)
            {
                var (fp32, _) = Measure(backend, DType.Float32, n, k);
                var (bf16, _) = Measure(backend, DType.BFloat16, n, k);
                var (nf4, time) = Measure(backend, DType.NF4, n, k);
                Console.WriteLine($"| {n}, {k} | {fp32:F1} | {bf16:F1} | {nf4:F1} | {time.TotalMicroseconds:F0} |");
            }
        }
    }

    private static (double Rate, TimeSpan Time) Measure(CpuBackend backend, DType type, int n, int k)
    {
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        var x = Weights.New(region, DType.Float32, 1, k);
        var y = region.New("y", DType.Float32, 1, n);
        var first = Weights.New(region, type, n, k);
        long bytes = first.LengthBytes + (first.Scales?.LengthBytes ?? 0);
        var others = Enumerable.Range(0, (int)(WorkingSetBytes / bytes)).Select(_ => Weights.New(region, type, n, k));
        Tensor[] weights = [.. others, first];
        var times = new List<TimeSpan>();
        for (int round = 0; round < 10; round++)
        {
            long began = Stopwatch.GetTimestamp();
            foreach (var weight in weights) backend.LinearForward(x, weight, y);
            times.Add(Stopwatch.GetElapsedTime(began) / weights.Length);
        }

        times.Sort();
        var median = times[times.Count / 2];
        return (bytes / median.TotalSeconds / 1e9, median);
    }
}
