using System.Diagnostics;
using Lapidary.Engine;

namespace Lapidary.Benchmarks;

/// <summary>Products of few rows with a weight, as decoding steps make them, beside the large product of the same shape; copies of the
/// weight are cycled so that they come from memory and not from a cache.</summary>
/// <remarks>All numbers of rows take turns with the large product, so that a busy machine slows all of them; ratios are medians over the
/// turns, rates are the best.</remarks>
internal static class RowsBenchmark
{
    private const long WorkingSetBytes = 160L << 20;
    private const int LargeRows = 128;
    private const int Turns = 9;

    private static readonly int[] RowCounts = [1, 2, 4, 8, 16, 32, 64];

    private static readonly (DType Type, int N, int K)[] Weights =
    [
        (DType.NF4, 6912, 1152), (DType.NF4, 1152, 6912), (DType.NF4, 1024, 1152), (DType.BFloat16, 6912, 1152),
        (DType.BFloat16, 262144, 1152), (DType.Float32, 6912, 1152),
    ];

    /// <summary>Prints a Markdown table.</summary>
    public static void Run()
    {
        foreach (int threads in new[] { 1, Environment.ProcessorCount })
        {
            using var backend = new CpuBackend(threads);
            Console.WriteLine($"{Environment.NewLine}{backend.Description}{Environment.NewLine}");
            Console.WriteLine($"| weight | rows | µs | × one row | weight GB/s | GFLOP/s | / product of {LargeRows} rows |");
            Console.WriteLine("|---|---|---|---|---|---|---|");
            foreach (var (type, n, k) in Weights) Measure(backend, type, n, k);
        }
    }

    private static void Measure(CpuBackend backend, DType type, int n, int k)
    {
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        var x = Benchmarks.Weights.New(region, DType.Float32, LargeRows, k);
        var y = region.New("y", DType.Float32, LargeRows, n);
        var first = Benchmarks.Weights.New(region, type, n, k);
        long bytes = first.LengthBytes + (first.Scales?.LengthBytes ?? 0);
        var others = Enumerable.Range(0, (int)(WorkingSetBytes / bytes)).Select(_ => Benchmarks.Weights.New(region, type, n, k));
        IReadOnlyList<Projection>[] weights = [.. others.Append(first).Select(weight => new[] { new Projection(weight, null) })];
        int next = 0;

        double[][] seconds = [.. RowCounts.Select(_ => new double[Turns])];
        double[] large = new double[Turns];
        for (int turn = -1; turn < Turns; turn++)
        {
            double product = Seconds(() => backend.LinearForward(x, Next()[0].Weight, y));
            for (int i = 0; i < RowCounts.Length; i++)
            {
                Tensor input = x.Rows(0, RowCounts[i]);
                Tensor[] outputs = [y.Rows(0, RowCounts[i])];
                double few = Seconds(() => backend.ProjectRows(input, Next(), outputs));
                if (turn >= 0) seconds[i][turn] = few;
            }

            if (turn >= 0) large[turn] = product;
        }

        for (int i = 0; i < RowCounts.Length; i++)
        {
            int rows = RowCounts[i];
            double best = seconds[i].Min(), times = Median(turn => seconds[i][turn] / seconds[0][turn]);
            double share = Median(turn => rows / seconds[i][turn] / (LargeRows / large[turn]));
            Console.WriteLine(
                $"| {type} {n} × {k} | {rows} | {best * 1e6:F0} | {times:F2} | {bytes / best / 1e9:F1} "
                + $"| {2.0 * rows * n * k / best / 1e9:F1} | {share:P0} |");
        }

        IReadOnlyList<Projection> Next() => weights[next++ % weights.Length];
    }

    private static double Median(Func<int, double> valueOfTurn)
    {
        double[] values = [.. Enumerable.Range(0, Turns).Select(valueOfTurn)];
        Array.Sort(values);
        return values[Turns / 2];
    }

    /// <summary>Seconds of a call, over calls of at least 10 ms together.</summary>
    private static double Seconds(Action action)
    {
        long began = Stopwatch.GetTimestamp();
        int calls = 0;
        TimeSpan elapsed;
        do
        {
            action();
            calls++;
            elapsed = Stopwatch.GetElapsedTime(began);
        }
        while (elapsed < TimeSpan.FromMilliseconds(10));
        return elapsed.TotalSeconds / calls;
    }
}
