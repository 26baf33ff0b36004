using System.Diagnostics;
using Lapidary.Engine;

namespace Lapidary.Benchmarks;

/// <summary>The kernels beside the products: attention in milliseconds and GFLOP/s of its visible scores, the others in bytes moved a
/// second.</summary>
internal static class KernelBenchmark
{
    private const int Tokens = 512;
    private const int Hidden = 1152;
    private const int Intermediate = 6912;

    private static readonly AttentionShape[] Shapes =
    [
        new(4, 1, 256, int.MaxValue, 0.0625f), new(4, 1, 256, 128, 0.0625f), new(8, 4, 256, int.MaxValue, 0.0625f),
    ];

    /// <summary>Prints Markdown tables for one thread and for all cores.</summary>
    public static void Run()
    {
        foreach (int threads in new[] { 1, Environment.ProcessorCount })
        {
            using var backend = new CpuBackend(threads);
            using var region = new MemoryRegion(backend.Memory, MemoryOwner.Activations);
            double peak = FmaPeak.Measure(threads);
            Console.WriteLine($"{Environment.NewLine}{backend.Description}, FMA peak {peak:F0} GFLOP/s{Environment.NewLine}");
            Console.WriteLine("| attention, 512 tokens | forward ms | GFLOP/s | backward ms | GFLOP/s |");
            Console.WriteLine("|---|---|---|---|---|");
            foreach (var shape in Shapes) Attention(backend, region, shape);
            Console.WriteLine($"{Environment.NewLine}| attention of a prompt from the cache | forward pass ms | cached ms | ratio |");
            Console.WriteLine("|---|---|---|---|");
            foreach (int tokens in new[] { 300, 2000 })
            {
                foreach (int window in new[] { int.MaxValue, 512 }) CachedAttention(backend, tokens, new(4, 1, 256, window, 0.0625f));
            }

            Console.WriteLine($"{Environment.NewLine}| kernel | ms | GB/s |");
            Console.WriteLine("|---|---|---|");
            RowKernels(backend, region);
        }
    }

    private static void Attention(CpuBackend backend, MemoryRegion region, AttentionShape shape)
    {
        Tensor Queries() => Weights.New(region, DType.Float32, Tokens, shape.Heads * shape.HeadDim);
        Tensor Keys() => Weights.New(region, DType.Float32, Tokens, shape.KvHeads * shape.HeadDim);
        Tensor q = Queries(), o = Queries(), dO = Queries(), dq = Queries(), k = Keys(), v = Keys(), dk = Keys(), dv = Keys();
        Tensor lse = region.New("lse", DType.Float32, shape.Heads, Tokens), starts = region.New("starts", DType.Int32, Tokens);
        double forward = Median(() => backend.AttentionForward(q, k, v, starts, shape, o, lse));
        double backward = Median(() => backend.AttentionBackward(dO, q, k, v, o, lse, starts, shape, dq, dk, dv));

        double visible = Enumerable.Range(0, Tokens).Sum(t => Math.Min(t + 1, (double)shape.Window));
        double productFlops = 2 * visible * shape.Heads * shape.HeadDim;
        string window = shape.Window == int.MaxValue ? "all" : $"{shape.Window}";
        Console.WriteLine(
            $"| {shape.Heads} heads, {shape.KvHeads} kv, {shape.HeadDim}, window {window} "
            + $"| {forward * 1e3:F2} | {2 * productFlops / forward / 1e9:F0} "
            + $"| {backward * 1e3:F2} | {5 * productFlops / backward / 1e9:F0} |");
    }

    /// <summary>A prompt in steps of 512 tokens, beside the same tokens in a forward pass.</summary>
    private static void CachedAttention(CpuBackend backend, int tokens, AttentionShape shape)
    {
        const int Step = 512;
        using var region = new MemoryRegion(backend.Memory, MemoryOwner.Activations);
        var q = Weights.New(region, DType.Float32, tokens, shape.Heads * shape.HeadDim);
        var lse = region.New("lse", DType.Float32, shape.Heads, tokens);
        Tensor k = Weights.New(region, DType.Float32, tokens, shape.HeadDim), v = Weights.New(region, DType.Float32, tokens, shape.HeadDim);
        Tensor keys = region.New("keys", DType.Float32, 1, tokens, shape.HeadDim);
        Tensor values = region.New("values", DType.Float32, 1, tokens, shape.HeadDim);
        Tensor o = region.New("o", DType.Float32, tokens, shape.Heads * shape.HeadDim), zeros = region.New("zeros", DType.Int32, tokens);
        var positions = region.New("positions", DType.Int32, tokens);
        backend.Write<int>([.. Enumerable.Range(0, tokens)], positions);
        backend.KvAppend(k, v, zeros, positions, keys, values);
        double forward = Median(() => backend.AttentionForward(q, k, v, zeros, shape, o, lse));
        double cached = Median(() =>
        {
            for (int first = 0; first < tokens; first += Step)
            {
                int count = Math.Min(Step, tokens - first);
                Tensor slots = zeros.Rows(first, count), at = positions.Rows(first, count);
                backend.CachedAttention(q.Rows(first, count), slots, at, keys, values, shape, o.Rows(first, count));
            }
        });
        string window = shape.Window == int.MaxValue ? "all" : $"{shape.Window}";
        Console.WriteLine($"| {tokens} tokens, window {window} | {forward * 1e3:F1} | {cached * 1e3:F1} | {cached / forward:F2} |");
    }

    private static void RowKernels(CpuBackend backend, MemoryRegion region)
    {
        Tensor x = Weights.New(region, DType.Float32, Tokens, Hidden), y = Weights.New(region, DType.Float32, Tokens, Hidden);
        Tensor weight = Weights.New(region, DType.Float32, 1, Hidden), rstd = region.New("rstd", DType.Float32, Tokens);
        Tensor gate = Weights.New(region, DType.Float32, Tokens, Intermediate);
        Tensor up = Weights.New(region, DType.Float32, Tokens, Intermediate);
        Tensor dGate = Weights.New(region, DType.Float32, Tokens, Intermediate), m = region.New("m", DType.Float32, Tokens, Intermediate);
        Tensor norm = region.New("norm", DType.Float32, 3), schedule = region.New("schedule", DType.Float32, 3);
        backend.Write<float>([1e-4f, 0.1f, 0.001f], schedule);
        Tensor[] gradients = [gate];
        var options = new AdamWOptions();

        Report("RmsNormForward", 2 * x.LengthBytes, () => backend.RmsNormForward(x, weight, null, 1e-6f, y, rstd));
        Report("RmsNormBackward", 3 * x.LengthBytes, () => backend.RmsNormBackward(y, x, weight, rstd, y, add: false, dWeight: null));
        Report("RmsNormBackward, weight", 2 * x.LengthBytes, () => backend.RmsNormBackward(y, x, weight, rstd, null, add: false, weight));
        Report("GeGluForward", 3 * gate.LengthBytes, () => backend.GeGluForward(gate, up, dGate));
        Report("GeGluBackward", 5 * gate.LengthBytes, () => backend.GeGluBackward(gate, gate, up, dGate, m));
        Report("Add", 3 * gate.LengthBytes, () => backend.Add(gate, dGate));
        Report("GradientNorm", gate.LengthBytes, () => backend.GradientNorm(gradients, 1, scale: null, norm));
        Report("AdamW", 7 * gate.LengthBytes, () => backend.AdamW(gate, norm, schedule, options, dGate, m, up));
    }

    private static void Report(string name, long bytes, Action call)
    {
        double seconds = Median(call);
        Console.WriteLine($"| {name} | {seconds * 1e3:F2} | {bytes / seconds / 1e9:F1} |");
    }

    private static double Median(Action call)
    {
        double[] seconds = new double[15];
        call();
        for (int i = 0; i < seconds.Length; i++)
        {
            long began = Stopwatch.GetTimestamp();
            call();
            seconds[i] = Stopwatch.GetElapsedTime(began).TotalSeconds;
        }

        Array.Sort(seconds);
        return seconds[seconds.Length / 2];
    }
}
