using System.Diagnostics;
using System.Text.Json;
using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Bench;

/// <summary>Decoding of some texts at once with the real engine, compared to the time for reading the weights, and the keys and
/// values of the texts, once a step.</summary>
internal static class DecodeBench
{
    private const int Seed = 1;

    /// <summary>Measures a case: the steps in which all texts decode, after the last prompt.</summary>
    /// <returns>An action that writes the figures as members of the result.</returns>
    /// <exception cref="LapidaryException">Memory is insufficient.</exception>
    public static Action<Utf8JsonWriter> Run(BenchCase bench, GemmaModel model, Terminal terminal)
    {
        var memory = model.Backend.Memory;
        long weightBytes = memory.LiveBytesOf(MemoryOwner.Base), managed = 0, cacheBytes = 0;
        var (prompts, steps) = (new List<double>(), new List<double>());
        int length = checked((int)(bench.Length + bench.TokensPerText));

        // A random model repeats itself, so guesses would be right that are wrong for real texts.
        using (var engine = new GenerationEngine(model, bench.Batch) { ReservedLength = length, GuessesTokens = false })
        {
            for (int i = 0; i < bench.Warmup + bench.Steps; i++)
            {
                long before = GC.GetTotalAllocatedBytes(precise: true);
                var (prompt, step) = Generate(engine, Prompts(bench, bench.Batch, model.Config, i), bench, terminal.Interrupted);
                RequireRoom(bench, engine);
                managed = GC.GetTotalAllocatedBytes(precise: true) - before;
                cacheBytes = memory.LiveBytesOf(MemoryOwner.KvCache);
                if (i < bench.Warmup) continue;
                prompts.Add(prompt);
                steps.Add(step);
            }
        }

        long peak = memory.PeakBytes, read = ReadBytes(bench, bench.Batch, model);
        Spread seconds = Spread.Of(steps), promptSeconds = Spread.Of(prompts);
        double bandwidth = Bandwidth.Measure(model.Backend), floor = (weightBytes + read) / bandwidth;
        double speed = bench.Batch / seconds.Median;
        terminal.Error.WriteLine(
            $"  {speed:N0} tokens/s, {seconds.Median * 1000:F3} ms a step of {bench.Batch}, its bytes alone {floor * 1000:F3} ms "
            + $"({floor / seconds.Median:P0}); prompts {promptSeconds.Median * 1000:F1} ms "
            + $"({bench.Batch * bench.Length / promptSeconds.Median:N0} tokens/s); peak {ByteSize.Format(peak)}");
        return json =>
        {
            json.WriteNumber("batch", bench.Batch);
            json.WriteDecoding(bench);
            json.WriteNumber("tokens_per_second", speed);
            json.WriteSpread("step_seconds", seconds);
            json.WriteSpread("prefill_seconds", promptSeconds);
            json.WriteNumber("weight_bytes", weightBytes);
            json.WriteNumber("read_cache_bytes", read);
            json.WriteNumber("cache_bytes", cacheBytes);
            json.WriteNumber("bytes_per_second", bandwidth);
            json.WriteNumber("floor_seconds", floor);
            json.WriteNumber("share_of_floor", floor / seconds.Median);
            json.WriteNumber("managed_bytes_per_generation", managed);
            json.WriteNumber("peak_bytes", peak);
        };
    }

    /// <summary>Refuses to measure steps of all texts where memory has room for fewer, once the engine has its cache.</summary>
    public static void RequireRoom(BenchCase bench, GenerationEngine engine)
    {
        if (engine.TextsAtOnce < bench.Batch)
        {
            throw new LapidaryException(
                $"Memory has room for {engine.TextsAtOnce} of {bench.Batch} texts at once; give --batch {engine.TextsAtOnce}.");
        }
    }

    /// <summary>Each generation has prompts of its own: the engine keeps what it has stored of earlier ones.</summary>
    public static int[][] Prompts(BenchCase bench, int texts, GemmaConfig config, int generation)
    {
        var random = new StableRandom(Seed, stream: 1 + generation);
        return [.. Enumerable.Range(0, texts)
            .Select(_ => Enumerable.Range(0, bench.Length).Select(_ => random.Below(config.VocabSize)).ToArray())];
    }

    /// <summary>Keys and values that a step in the middle of the measured ones reads.</summary>
    public static long ReadBytes(BenchCase bench, int texts, GemmaModel model)
    {
        var config = model.Config;
        int position = bench.Length + bench.NewTokens / 2;
        long entry = 2L * config.NumKeyValueHeads * config.HeadDim * model.Backend.ActivationDType.LengthBytes(1);
        return texts * entry * config.LayerTypes.Sum(
            type => (long)(type == LayerType.Sliding ? Math.Min(position, config.SlidingWindow) : position));
    }

    /// <summary>Generates all texts.</summary>
    /// <returns>Seconds until the last text has its first token, and of each later step on average.</returns>
    private static (double Prompts, double Step) Generate(
        GenerationEngine engine, int[][] prompts, BenchCase bench, CancellationToken interrupted)
    {
        long started = Stopwatch.GetTimestamp(), all = 0, end = 0;
        int waiting = prompts.Length, steps = 0;
        var options = bench.Choice with { MaxNewTokens = checked((int)bench.TokensPerText) };
        var made = prompts.Select((prompt, i) =>
        {
            bool isFirst = true;
            return engine.GenerateAsync(prompt, options with { Seed = i }, _ => OnToken(i, ref isFirst), interrupted);
        });
        Task.WhenAll(made.ToArray()).GetAwaiter().GetResult();
        return (Stopwatch.GetElapsedTime(started, all).TotalSeconds, Stopwatch.GetElapsedTime(all, end).TotalSeconds / steps);

        // Called by the engine's thread alone.
        bool OnToken(int text, ref bool isFirst)
        {
            if (isFirst && --waiting == 0) all = Stopwatch.GetTimestamp();
            else if (waiting == 0 && text == prompts.Length - 1 && steps < bench.NewTokens)
                (end, steps) = (Stopwatch.GetTimestamp(), steps + 1);
            isFirst = false;
            return steps < bench.NewTokens;
        }
    }
}
