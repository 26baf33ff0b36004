using System.Diagnostics;
using System.Text.Json;
using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Bench;

/// <summary>Greedy decoding at batch 1 with the real generator, compared to the time for reading only the weights.</summary>
internal static class DecodeBench
{
    private const int Seed = 1;

    /// <summary>Tokens that a warm-up generates: enough to record and capture the step.</summary>
    private const int WarmupTokens = 8;

    /// <summary>Measures a case.</summary>
    /// <returns>An action that writes the figures as members of the result.</returns>
    /// <exception cref="LapidaryException">Memory is insufficient.</exception>
    public static Action<Utf8JsonWriter> Run(BenchCase bench, GemmaModel model, Terminal terminal)
    {
        var random = new StableRandom(Seed, stream: 1);
        int[] prompt = [.. Enumerable.Range(0, bench.Length).Select(_ => random.Below(model.Config.VocabSize))];
        var memory = model.Backend.Memory;
        long weightBytes = memory.LiveBytesOf(MemoryOwner.Base), managed = 0;
        var (prefills, tokens) = (new List<double>(), new List<double>());
        using (var generator = new TextGenerator(model))
        {
            for (int i = 0; i < bench.Warmup; i++) Generate(generator, prompt, bench.NewTokens, WarmupTokens, terminal.Interrupted);
            for (int i = 0; i < bench.Steps; i++)
            {
                long before = GC.GetTotalAllocatedBytes(precise: true);
                var (prefill, token) = Generate(generator, prompt, bench.NewTokens, bench.NewTokens, terminal.Interrupted);
                managed = GC.GetTotalAllocatedBytes(precise: true) - before;
                prefills.Add(prefill);
                tokens.Add(token);
            }
        }

        long peak = memory.PeakBytes;
        Spread seconds = Spread.Of(tokens), prefillSeconds = Spread.Of(prefills);
        double bandwidth = Bandwidth.Measure(model.Backend), floor = weightBytes / bandwidth;
        terminal.Error.WriteLine($"  {1 / seconds.Median:N1} tokens/s, {seconds.Median * 1000:F3} ms a token, "
            + $"its weights alone {floor * 1000:F3} ms ({floor / seconds.Median:P0}); "
            + $"prompt {prefillSeconds.Median * 1000:F1} ms; peak {ByteSize.Format(peak)}");
        return json =>
        {
            json.WriteNumber("prompt_tokens", bench.Length);
            json.WriteNumber("new_tokens", bench.NewTokens);
            json.WriteNumber("generations", bench.Steps);
            json.WriteNumber("tokens_per_second", 1 / seconds.Median);
            json.WriteSpread("token_seconds", seconds);
            json.WriteSpread("prefill_seconds", prefillSeconds);
            json.WriteNumber("weight_bytes", weightBytes);
            json.WriteNumber("bytes_per_second", bandwidth);
            json.WriteNumber("weights_seconds", floor);
            json.WriteNumber("share_of_floor", floor / seconds.Median);
            json.WriteNumber("managed_bytes_per_generation", managed);
            json.WriteNumber("peak_bytes", peak);
        };
    }

    /// <summary>Generates up to <paramref name="stopAfter"/> tokens.</summary>
    /// <returns>Seconds to the first token, and of each later one on average.</returns>
    private static (double Prefill, double Token) Generate(
        TextGenerator generator, int[] prompt, int maxNewTokens, int stopAfter, CancellationToken interrupted)
    {
        long started = Stopwatch.GetTimestamp(), first = started;
        int count = 0;
        foreach (int _ in generator.Generate(prompt, new GenerationOptions { MaxNewTokens = maxNewTokens }, interrupted))
        {
            if (++count == 1) first = Stopwatch.GetTimestamp();
            if (count == stopAfter) break;
        }

        interrupted.ThrowIfCancellationRequested();
        double later = Stopwatch.GetElapsedTime(first).TotalSeconds;
        return (Stopwatch.GetElapsedTime(started, first).TotalSeconds, later / Math.Max(1, count - 1));
    }
}
