using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training;
using Lapidary.Training.Checkpoints;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Cli.Bench;

/// <summary>Optimizer steps with the real trainer on rows of random ids, then only the step's matrix products.</summary>
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
    /// <param name="bench">The case.</param>
    /// <param name="lora">Settings that a case does not define, such as the rank.</param>
    /// <returns>Null if all weights are trained.</returns>
    public static LoraConfig? Lora(BenchCase bench, LoraConfig lora) => bench.IsFull
        ? null
        : lora with { LoraDropout = bench.LoraDropout, ModulesToSave = bench.TrainEmbeddings ? LoraConfig.Guide.ModulesToSave : null };

    /// <summary>What a case trains.</summary>
    public static TrainedWeights Weights(BenchCase bench, GemmaModel model, LoraConfig lora) =>
        Lora(bench, lora) is { } adapter ? Adapter.Create(model, adapter, Seed) : FullWeights.Random(model, Seed);

    /// <summary>Measures a case on one device.</summary>
    /// <returns>Its figures.</returns>
    /// <exception cref="LapidaryException">Memory is insufficient.</exception>
    public static TrainingFigures Run(BenchCase bench, GemmaModel model, LoraConfig lora, Terminal terminal)
    {
        using var weights = Weights(bench, model, lora);
        var meter = new StepMeter(bench.Steps, bench.Warmup, model.Backend.Memory, terminal.Error, terminal.Interrupted);
        Train(bench, model, weights, meter, SilentCommunicator.Solo);
        double products = ProductFloor.Measure(
            model, checked((int)bench.TokensPerStep), trainedHead: bench.TrainEmbeddings || bench.IsFull, trainedLayers: bench.IsFull);
        var figures = new TrainingFigures(bench, lora.R, meter, products);
        terminal.Error.WriteLine($"  {figures}");
        return figures;
    }

    /// <summary>Runs the case's steps with the real trainer, as one of several ranks with equal work.</summary>
    public static void Train(
        BenchCase bench, GemmaModel model, TrainedWeights weights, StepMeter meter, ICommunicator communicator)
    {
        var config = Config(bench);
        var examples = RandomRows(bench, model.Config.VocabSize, communicator.Ranks.WorldSize);
        var rows = new PackedDataSet(examples, config.EffectivePacking, bench.Length, model.Config.PadTokenId);
        using var folder = communicator.Ranks.IsLeader ? RunFolder.Open(config, resume: null, bench.Method, _ => { }) : null;
        if (folder is not null) folder.FreeBytes = _ => null; // nothing is saved
        using var trainer = new SftTrainer(model, weights, config, rows, observer: meter, communicator: communicator);
        try
        {
            trainer.Train(folder, CancellationToken.None);
        }
        catch (OperationCanceledException) when (meter.IsComplete)
        {
            // The measurement is complete.
        }
    }

    /// <summary>The rows of one optimizer step of all ranks: each is one document of full length, with a label for every token.</summary>
    private static ExampleSet RandomRows(BenchCase bench, int vocabulary, int ranks)
    {
        var random = new StableRandom(Seed, stream: 1);
        var examples = new List<Example>();
        for (int row = 0; row < bench.Batch * bench.Accumulation * ranks; row++)
        {
            var ids = new int[bench.Length];
            for (int i = 0; i < ids.Length; i++) ids[i] = random.Below(vocabulary);
            examples.Add(new Example(ids, ids));
        }

        return ExampleSet.Of(examples);
    }
}
