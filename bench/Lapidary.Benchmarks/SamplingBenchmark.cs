using System.Diagnostics;
using System.Globalization;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Gemma.Generation.Sampling;

namespace Lapidary.Benchmarks;

/// <summary>Times what choosing a token costs on one core, beside sorting the row, in turn within one process; and whether both choose the
/// same tokens. Run it in Release.</summary>
internal static class SamplingBenchmark
{
    private const int Vocabulary = 262_144, Repeats = 15, Compared = 20;

    private static readonly GenerationOptions Draw = new() { DoSample = true };

    private static readonly (string Name, GenerationOptions Options)[] Cases =
    [
        ("temperature 1", Draw),
        ("top_k 64, top_p 0.95", Draw with { TopK = 64, TopP = 0.95f }),
        ("top_p 0.9", Draw with { TopP = 0.9f }),
        ("min_p 0.05", Draw with { MinP = 0.05f }),
        ("top_p 0.9, min_p 0.05", Draw with { TopP = 0.9f, MinP = 0.05f }),
        ("temperature 2", Draw with { Temperature = 2 }),
    ];

    public static void Run()
    {
        Console.WriteLine("| row | options | sorted, ms | now, ms | ratio | bytes | other tokens |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- | --- |");
        foreach (var (kind, logits) in new[] { ("steep", Row(deviation: 3, likely: 40)), ("flat", Row(deviation: 1, likely: 0)) })
        {
            foreach (var (name, options) in Cases)
            {
                SortedSampler sorted = new(options);
                Sampler sampler = new(options, [0]);
                float[] row = [.. logits];
                int others = Enumerable.Range(0, Compared).Count(_ => sorted.Next(row) != sampler.Next(row));
                long before = GC.GetAllocatedBytesForCurrentThread();
                sampler.Next(row);
                long bytes = GC.GetAllocatedBytesForCurrentThread() - before;
                sorted.Next(row);
                Write(kind, name, () => sorted.Next(row), () => sampler.Next(row), $"{bytes} | {others}");
            }

            foreach (int top in (int[])[0, 5, 20])
                Write(kind, $"log probabilities, top {top}", () => Of(logits, top), () => TokenLogProbs.Of(logits, 7, top), "– | –");
        }
    }

    private static void Write(string kind, string name, Action old, Action now, string rest)
    {
        double before = double.MaxValue, after = double.MaxValue;
        for (int i = 0; i < Repeats; i++) now(); // until its code is final
        Thread.Sleep(300);
        for (int i = 0; i < Repeats; i++) (before, after) = (Math.Min(before, Time(old)), Math.Min(after, Time(now)));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"| {kind} | {name} | {before:F3} | {after:F3} | {before / after:F0} | {rest} |"));
    }

    private static double Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>Normal logits, and some far above them, as a model that knows the next word has.</summary>
    private static float[] Row(double deviation, int likely)
    {
        var random = new StableRandom(1, stream: 0);
        float[] row = new float[Vocabulary];
        foreach (ref float logit in row.AsSpan())
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            logit = (float)(deviation * normal);
        }

        for (int i = 0; i < likely; i++) row[random.Below(Vocabulary)] = (float)(28 - (14 * random.NextDouble()));
        return row;
    }

    /// <summary>Log probabilities by a priority queue over the whole row.</summary>
    private static double Of(float[] logits, int top)
    {
        float largest = logits.Max();
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - largest);
        var kept = new PriorityQueue<int, (float Logit, int Id)>();
        for (int id = 0; id < logits.Length && top > 0; id++)
        {
            if (kept.Count < top) kept.Enqueue(id, (logits[id], -id));
            else if (kept.TryPeek(out _, out var least) && logits[id] > least.Logit) kept.EnqueueDequeue(id, (logits[id], -id));
        }

        return sum;
    }
}
