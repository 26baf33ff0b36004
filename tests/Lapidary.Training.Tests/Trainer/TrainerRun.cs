using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Tests;
using Lapidary.Training.Data.Examples;

namespace Lapidary.Training.Tests;

/// <summary>A model, an adapter (PEFT's, or a new one) or all weights, and a trainer over them.</summary>
internal sealed class TrainerRun : IDisposable
{
    private readonly TrainedWeights _weights;

    public TrainerRun(
        string device, SftConfig config, ExampleSet rows, string? adapter, double dropout = 0, ITrainingObserver? observer = null,
        ExampleSet? eval = null, IBackend? backend = null, LoraConfig? lora = null, QuantizationKind quantization = QuantizationKind.None,
        string? folder = null, HubPublisher? publisher = null, IEvaluationMetric? metric = null,
        bool isFull = false, DType? dtype = DType.Float32, TimeProvider? time = null)
    {
        Model = GemmaModel.Load(
            folder ?? Fixtures.Path("tiny/model"), backend ?? TestDevice.Open(device),
            new ModelOptions { DType = dtype, Quantization = quantization, LoadOnUse = isFull });
        _weights = isFull ? FullWeights.Create(Model)
            : adapter is null
            ? Adapter.Create(Model, lora ?? LoraConfig.Guide with { R = 4, LoraDropout = dropout, ModulesToSave = null }, config.Seed)
            : Adapter.Load(Model, adapter, trainable: true);
        Trainer = new SftTrainer(
            Model, _weights, config, Packed(rows, config),
            eval is null ? null : Packed(eval, config), observer, time)
        {
            Publisher = publisher,
            Metric = metric,
            DataSets = ["org/rows:train", "/data/rows.jsonl"],
        };
    }

    public GemmaModel Model { get; }

    public SftTrainer Trainer { get; }

    public Adapter Adapter => (Adapter)_weights;

    public TrainedWeights Weights => _weights;

    /// <summary>Short steps, each of them logged, nothing saved.</summary>
    public static SftConfig Small() => new()
    {
        OutputDir = Fixtures.TemporaryFolder(),
        Packing = false,
        PerDeviceTrainBatchSize = 1,
        GradientAccumulationSteps = 1,
        LearningRate = 1e-3,
        LoggingSteps = 1,
        SaveStrategy = IntervalStrategy.No,
    };

    /// <summary>Rows of 40 tokens, so that all batch sizes fill their buckets alike.</summary>
    public static ExampleSet RandomRows(int count)
    {
        var random = new Random(5);
        return Set(Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, 40).Select(_ => random.Next(3, 1024)).ToArray()));
    }

    public static ExampleSet Set(IEnumerable<int[]> rows) => ExampleSet.Of(rows.Select(ids => new Example(ids, ids)));

    public void Dispose()
    {
        Trainer.Dispose();
        _weights.Dispose();
        Model.Dispose();
        TestDevice.Close(Model.Backend);
    }

    private static PackedDataSet Packed(ExampleSet rows, SftConfig config) =>
        new(rows, config.EffectivePacking, config.MaxLength, padTokenId: 0);
}
