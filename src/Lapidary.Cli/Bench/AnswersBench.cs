using System.Diagnostics;
using System.Text.Json;
using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;

namespace Lapidary.Cli.Bench;

/// <summary>Answers to many more prompts than texts run at once, from the first token stored to the last one chosen, as in generate
/// --dataset and eval. Beside it stands the time that products and memory alone need.</summary>
internal static class AnswersBench
{
    /// <summary>Measures a case.</summary>
    /// <returns>An action that writes the figures as members of the result.</returns>
    /// <exception cref="LapidaryException">Memory is insufficient.</exception>
    public static Action<Utf8JsonWriter> Run(BenchCase bench, GemmaModel model, Terminal terminal)
    {
        var backend = model.Backend;
        long weightBytes = backend.Memory.LiveBytesOf(MemoryOwner.Base);
        int most = Math.Min(bench.Texts, bench.Batch > 0 ? bench.Batch : backend.EfficientTexts), atOnce;
        Spread spread;

        // A random model repeats itself, so guesses would be right that are wrong for real texts.
        using (var engine = new GenerationEngine(model, most) { ReservedLength = bench.Length + bench.NewTokens, GuessesTokens = false })
            (spread, atOnce) = Generations(bench, engine, terminal.Interrupted);

        long peak = backend.Memory.PeakBytes;
        double floor = Floor(bench, model, weightBytes, atOnce), newTokens = (double)bench.Texts * bench.NewTokens;
        terminal.Error.WriteLine(
            $"  {spread.Median:F2} s for {bench.Texts:N0} texts of {bench.Length:N0} + {bench.NewTokens:N0} tokens, {atOnce} at once: "
            + $"{bench.Texts / spread.Median:N0} texts/s, {newTokens / spread.Median:N0} new tokens/s; products of prompts and bytes of "
            + $"new tokens alone {floor:F2} s ({floor / spread.Median:P0}); peak {ByteSize.Format(peak)}");
        return json =>
        {
            json.WriteNumber("texts", bench.Texts);
            json.WriteNumber("batch", atOnce);
            json.WriteDecoding(bench);
            json.WriteSpread("seconds", spread);
            json.WriteNumber("texts_per_second", bench.Texts / spread.Median);
            json.WriteNumber("tokens_per_second", newTokens / spread.Median);
            json.WriteNumber("floor_seconds", floor);
            json.WriteNumber("share_of_floor", floor / spread.Median);
            json.WriteNumber("peak_bytes", peak);
        };
    }

    /// <summary>Answers all prompts some times.</summary>
    /// <returns>Seconds of each time, and the number of texts at once: where memory is short, fewer than the engine may have.</returns>
    public static (Spread Seconds, int AtOnce) Generations(BenchCase bench, GenerationEngine engine, CancellationToken interrupted)
    {
        var times = new List<double>();
        for (int i = 0; i < bench.Warmup + bench.Steps; i++)
        {
            double seconds = Generate(engine, DecodeBench.Prompts(bench, bench.Texts, engine.Model.Config, i), bench, interrupted);
            if (i >= bench.Warmup) times.Add(seconds);
        }

        return (Spread.Of(times), engine.TextsAtOnce);
    }

    private static double Generate(GenerationEngine engine, int[][] prompts, BenchCase bench, CancellationToken interrupted)
    {
        long started = Stopwatch.GetTimestamp();
        var options = bench.Choice with { MaxNewTokens = bench.NewTokens };
        var texts = prompts.Select((prompt, i) => engine.GenerateAsync(prompt, options with { Seed = i }, null, interrupted));
        Task.WhenAll(texts.ToArray()).GetAwaiter().GetResult();
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Seconds of the layers' products with all prompts, and of reading the weights, and the keys and values of the texts at once,
    /// in each step of new tokens.</summary>
    private static double Floor(BenchCase bench, GemmaModel model, long weightBytes, int atOnce)
    {
        double operations = 2.0 * model.LinearLayers.Sum(layer => layer.Weight.Count) * bench.Texts * bench.Length;
        double steps = (double)bench.Texts * bench.NewTokens / atOnce, bytes = weightBytes + DecodeBench.ReadBytes(bench, atOnce, model);
        return operations / ProductSpeed.Measure(model.Backend) + steps * bytes / Bandwidth.Measure(model.Backend);
    }
}
