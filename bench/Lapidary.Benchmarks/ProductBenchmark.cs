using System.Diagnostics;
using Lapidary.Engine;

namespace Lapidary.Benchmarks;

/// <summary>Matrix products of the CPU backend at Gemma's shapes, as shares of the FMA peak measured between them.</summary>
/// <remarks>All candidates of a shape take turns, so that a busy machine slows all of them; the best of each is printed,
/// which another program that runs now and then does not change.</remarks>
internal static unsafe class ProductBenchmark
{
    private const int Repetitions = 15;

    private static readonly (int M, int N, int K)[] Shapes =
    [
        (512, 1152, 6912), (512, 6912, 1152), (512, 1024, 1152), (512, 2048, 640), (512, 640, 2048), (256, 640, 2048), (128, 256, 256),
    ];

    /// <summary>Prints a Markdown table: 10⁹ operations a second and the share of the peak.</summary>
    public static void Run()
    {
        var blas = OpenBlas.TryLoad();
        foreach (int threads in new[] { 1, Environment.ProcessorCount })
        {
            using var backend = new CpuBackend(threads);
            Console.WriteLine($"{Environment.NewLine}{backend.Description}{Environment.NewLine}");
            Console.WriteLine(
                "| M, N, K | use | peak | fp32 | bf16 | NF4 | fp32 / peak | bf16 / peak | NF4 / peak | OpenBLAS | fp32 / OpenBLAS |");
            Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|");
            foreach (var (m, n, k) in Shapes)
            {
                Measure(backend, threads, threads == 1 ? blas : null, m, n, k, forward: true);
                Measure(backend, threads, threads == 1 ? blas : null, m, n, k, forward: false);
                MeasureWeightGradient(backend, threads, m, n, k);
            }
        }
    }

    private static void Measure(CpuBackend backend, int threads, OpenBlas? blas, int m, int n, int k, bool forward)
    {
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        var x = Weights.New(region, DType.Float32, m, k);
        var y = region.New("y", DType.Float32, m, n);
        var weights = new[] { DType.Float32, DType.BFloat16, DType.NF4 }
            .Select(type => forward ? Weights.New(region, type, n, k) : Weights.New(region, type, k, n)).ToArray();
        var rates = new List<double>[5];
        for (int i = 0; i < rates.Length; i++) rates[i] = [];

        double flops = 2.0 * m * n * k;
        for (int repetition = -2; repetition < Repetitions; repetition++)
        {
            Record(0, FmaPeak.Measure(threads));
            for (int i = 0; i < weights.Length; i++)
            {
                var weight = weights[i];
                Record(i + 1, Rate(flops, () =>
                {
                    if (forward) backend.LinearForward(x, weight, y);
                    else backend.LinearBackward(x, weight, y, add: false);
                }));
            }

            if (blas is not null)
            {
                Record(4, Rate(flops, () => blas.Product(
                    m, n, k, (float*)x.Address, (float*)weights[0].Address, forward, (float*)y.Address)));
            }

            void Record(int index, double rate)
            {
                if (repetition >= 0) rates[index].Add(rate);
            }
        }

        double[] best = rates.Select(rate => rate.DefaultIfEmpty(double.NaN).Max()).ToArray();
        Console.WriteLine(
            $"| {m}, {n}, {k} | {(forward ? "x·Wᵀ" : "dy·W")} | {best[0]:F0} | {best[1]:F1} | {best[2]:F1} | {best[3]:F1} "
            + $"| {best[1] / best[0]:P0} | {best[2] / best[0]:P0} | {best[3] / best[0]:P0} "
            + (blas is null ? "| | |" : $"| {best[4]:F1} | {best[1] / best[4]:F2} |"));
    }

    /// <summary>The gradient of the weight of dy·W, in fp32 alone.</summary>
    private static void MeasureWeightGradient(CpuBackend backend, int threads, int m, int n, int k)
    {
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        var x = Weights.New(region, DType.Float32, m, n);
        Tensor[] dys = [Weights.New(region, DType.Float32, m, k)];
        var weight = Weights.New(region, DType.Float32, k, n);
        Projection[] projections = [new Projection(weight, null) { WeightGradient = region.New("dWeight", DType.Float32, k, n) }];
        Tensor?[] xas = [null];
        double peak = 0, rate = 0;
        for (int repetition = 0; repetition < Repetitions; repetition++)
        {
            peak = Math.Max(peak, FmaPeak.Measure(threads));
            rate = Math.Max(rate, Rate(2.0 * m * n * k, () => backend.ProjectBackward(dys, x, projections, xas, dx: null, add: false)));
        }

        Console.WriteLine($"| {m}, {n}, {k} | dyᵀ·x | {peak:F0} | {rate:F1} | | | {rate / peak:P0} | | | | |");
    }

    /// <summary>10⁹ operations a second over calls of at least 5 ms together.</summary>
    private static double Rate(double flops, Action action)
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
        while (elapsed < TimeSpan.FromMilliseconds(5));
        return calls * flops / elapsed.TotalSeconds / 1e9;
    }
}
