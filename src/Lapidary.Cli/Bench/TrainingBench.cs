using System.Text.Json;
using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Bench;

/// <summary>Optimizer steps by the real trainer on rows of random ids, then the step's matrix products alone.</summary>
internal static class TrainingBench
{
    private const int Seed = 1;

    /// <summary>The trainer's options in a case.</summary>
    public static SftConfig Config(BenchCase bench) => new()
    {
        OutputDir = Path.Combine(Path.GetTempPath(), "lapidary-bench"), // never written to: the meter ends the run
        MaxLength = bench.Length,
        MaxSteps = bench.Warmup + bench.Steps,
        PerDeviceTrainBatchSize = bench.Batch,
        GradientAccumulationSteps = bench.Accumulation,
        GradientCheckpointing = bench.GradientCheckpointing,
        LoggingSteps = int.MaxValue,
        SaveStrategy = IntervalStrategy.No,
        Seed = Seed,
    };

    /// <summary>The adapter of a case.</summary>
    /// <param name="bench">The case.</param> <param name="lora">What a case does not say, such as the rank.</param>
    public static LoraConfig Lora(BenchCase bench, LoraConfig lora) =>
        lora with { LoraDropout = bench.LoraDropout, ModulesToSave = bench.TrainEmbeddings ? LoraConfig.Guide.ModulesToSave : null };

    /// <summary>Measures a case.</summary>
    /// <returns>Writes the figures as members of the result.</returns>
    /// <exception cref="LapidaryException">There is not memory enough.</exception>
    public static Action<Utf8JsonWriter> Run(BenchCase bench, GemmaModel model, LoraConfig lora, Terminal terminal)
    {
        using var adapter = Adapter.Create(model, Lora(bench, lora), Seed);
        var meter = new StepMeter(bench.Steps, bench.Warmup, model.Backend.Memory, terminal.Error, terminal.Interrupted);
        Train(bench, model, adapter, meter);
        double step = meter.Seconds.Median;
        double products = ProductFloor.Measure(model, bench.TokensPerStep, trainedHead: bench.TrainEmbeddings);
        terminal.Error.WriteLine($"  {bench.TokensPerStep / step:N0} tokens/s, {step * 1000:F1} ms a step, "
            + $"its products alone {products * 1000:F1} ms ({products / step:P0}); "
            + $"peak {ByteSize.Format(meter.PeakBytes)}; loss {meter.FirstLoss:F3} to {meter.LastLoss:F3}");
        return json =>
        {
            json.WriteNumber("batch", bench.Batch);
            json.WriteNumber("length", bench.Length);
            json.WriteNumber("accumulation", bench.Accumulation);
            json.WriteBoolean("train_embeddings", bench.TrainEmbeddings);
            json.WriteString("gradient_checkpointing", SettingText.Format(bench.GradientCheckpointing));
            json.WriteNumber("lora_r", lora.R);
            json.WriteNumber("lora_dropout", bench.LoraDropout);
            json.WriteNumber("tokens_per_step", bench.TokensPerStep);
            json.WriteNumber("steps", bench.Steps);
            json.WriteNumber("tokens_per_second", bench.TokensPerStep / step);
            json.WriteSpread("step_seconds", meter.Seconds);
            json.WriteNumber("products_seconds", products);
            json.WriteNumber("share_of_floor", products / step);
            json.WriteFinite("loss_first", meter.FirstLoss);
            json.WriteFinite("loss_last", meter.LastLoss);
            json.WriteNumber("managed_bytes_per_step", meter.ManagedBytes.Median);
            json.WriteNumber("peak_bytes", meter.PeakBytes);
            json.WriteStartObject("memory");
            foreach (var owner in meter.Live.Owners) json.WriteNumber(owner.ToString(), meter.Live[owner]);
            json.WriteEndObject();
        };
    }

    private static void Train(BenchCase bench, GemmaModel model, Adapter adapter, StepMeter meter)
    {
        var config = Config(bench);
        var examples = RandomRows(bench, model.Config.VocabSize);
        var rows = new PackedDataSet(examples, config.EffectivePacking, bench.Length, model.Config.PadTokenId);
        using var trainer = new SftTrainer(model, adapter, config, rows, observer: meter);
        try
        {
            trainer.Train();
        }
        catch (OperationCanceledException) when (meter.IsComplete)
        {
            // The measurement is done.
        }
    }

    /// <summary>The rows of one optimizer step: each one document as long as a packed row, every token labelled.</summary>
    private static ExampleSet RandomRows(BenchCase bench, int vocabulary)
    {
        var random = new StableRandom(Seed, stream: 1);
        var examples = new List<Example>();
        for (int row = 0; row < bench.Batch * bench.Accumulation; row++)
        {
            var ids = new int[bench.Length];
            for (int i = 0; i < ids.Length; i++) ids[i] = random.Below(vocabulary);
            examples.Add(new Example(ids, ids));
        }

        int[] rows = [.. Enumerable.Range(0, examples.Count)];
        return new ExampleSet(examples, rows, TruncatedRows: 0, TruncatedTokens: 0, DroppedRows: 0, PrefixMismatches: 0);
    }
}
