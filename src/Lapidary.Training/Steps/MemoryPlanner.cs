using System.Numerics;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Steps;

namespace Lapidary.Training;

/// <summary>Chooses the layout of a run's steps by trying layouts on a backend that only counts memory.</summary>
/// <remarks>
/// <para>The rule. The rows of a step, regardless of the requested micro-batches, go through the model in even runs. Their number is the
/// smallest for which a run has at most <see cref="MaxRunTokens"/> tokens (fewer if all layers must be recomputed to save memory, see
/// <see cref="LeanRunElements"/>), or twice that number, four times that number …: the planner takes the one that needs the fewest
/// recomputed layers, and among equals the one with the largest runs. It takes runs of fewer than <see cref="MinRunTokens"/> tokens only if
/// no larger ones fit. With the remaining memory, as many logits are computed at a time as <see cref="IBackend.MaxLogitsBytes"/> says,
/// halved until they fit. If no layer is recomputed, half of the memory that is then left is for decoded weights
/// (<see cref="IBackend.KeepDecodedWeights"/>), unless memory has priority over speed.</para>
/// <para>A resumed run keeps the values that its bits depend on, regardless of the memory available now: rows per run and bytes of
/// logits.</para>
/// </remarks>
public sealed class MemoryPlanner
{
    /// <summary>A larger run gains nothing beyond this number of tokens: its products fill any GPU.</summary>
    internal const int MaxRunTokens = 16384;

    /// <summary>Tokens × hidden size of a run when memory has priority over speed: three rounds of 128 × 128 tiles on 132 multiprocessors,
    /// which is about the size from which on products of large models gain no speed.</summary>
    internal const int LeanRunElements = 6 << 20;

    /// <summary>Tokens below which smaller runs cost more than recomputation.</summary>
    internal const int MinRunTokens = 2048;

    /// <summary>Share of the free memory that a plan may use. The rest is for captured graphs and for memory between blocks.</summary>
    private const double UsableShare = 0.95;

    /// <summary>Share of the remaining memory that decoded weights may use. They gain only a few percent, and others may use the device
    /// too.</summary>
    private const double DecodedShare = 0.5;

    /// <summary>Batches of more tokens are not tried.</summary>
    private const int MaxBatchTokens = 1 << 22;

    /// <summary>The largest number of rows that the option allows.</summary>
    private static readonly int MaxBatchSize = (int)RecordLimits.Of<SftConfig>(nameof(SftConfig.PerDeviceTrainBatchSize)).Maximum;

    private readonly GemmaModel _model;
    private readonly TrainedWeights _weights;
    private readonly SftConfig _config;
    private readonly RunShape _shape;
    private readonly long _budgetBytes;

    internal MemoryPlanner(GemmaModel model, TrainedWeights weights, SftConfig config, RunShape shape, long budgetBytes)
    {
        (_model, _weights, _config, _shape, _budgetBytes) = (model, weights, config, shape, budgetBytes);
        model.Attach(weights);
    }

    /// <summary>Creates a planner without data, for rows of max_length tokens as packing makes them.</summary>
    /// <param name="model">A loaded model, or a <see cref="GemmaModel.Skeleton"/>.</param>
    /// <param name="weights">What to train; the planner attaches it to the model.</param>
    /// <param name="config">Options.</param>
    /// <param name="budgetBytes">Memory of a rank for the whole run, including the model.</param>
    /// <param name="worldSize">Number of ranks.</param>
    public MemoryPlanner(GemmaModel model, TrainedWeights weights, SftConfig config, long budgetBytes, int worldSize = 1)
        : this(
            model, weights, config.ForRanks(worldSize),
            RunShape.OfFullRows(
                config.ForRanks(worldSize), worldSize, GenerationShape.OfFullRows(model, config, worldSize, budgetBytes)),
            budgetBytes)
    {
    }

    /// <summary>Creates a planner of a run over given rows.</summary>
    /// <param name="model">A loaded model, or a <see cref="GemmaModel.Skeleton"/>.</param>
    /// <param name="weights">What to train; the planner attaches it to the model.</param>
    /// <param name="config">Options.</param>
    /// <param name="train">The training set.</param>
    /// <param name="eval">The evaluation set, or null.</param>
    /// <param name="budgetBytes">Memory of a rank for the whole run, including the model.</param>
    /// <param name="worldSize">Number of ranks.</param>
    public MemoryPlanner(
        GemmaModel model, TrainedWeights weights, SftConfig config, PackedDataSet train, PackedDataSet? eval, long budgetBytes,
        int worldSize = 1)
        : this(model, weights, config, train, eval, budgetBytes, worldSize, metric: null)
    {
    }

    /// <summary>Creates a planner of a run over given rows, with a metric.</summary>
    /// <param name="model">A loaded model, or a <see cref="GemmaModel.Skeleton"/>.</param>
    /// <param name="weights">What to train; the planner attaches it to the model.</param>
    /// <param name="config">Options.</param>
    /// <param name="train">The training set.</param>
    /// <param name="eval">The evaluation set, or null.</param>
    /// <param name="budgetBytes">Memory of a rank for the whole run, including the model.</param>
    /// <param name="worldSize">Number of ranks.</param>
    /// <param name="metric">What evaluations measure by generated texts, or null.</param>
    public MemoryPlanner(
        GemmaModel model, TrainedWeights weights, SftConfig config, PackedDataSet train, PackedDataSet? eval, long budgetBytes,
        int worldSize, IEvaluationMetric? metric)
        : this(
            model, weights, config.ForRanks(worldSize),
            RunShape.Of(
                config.ForRanks(worldSize), train, eval, worldSize, GenerationShape.Of(model, metric, worldSize, budgetBytes)),
            budgetBytes)
    {
    }

    /// <summary>The usable part of free memory.</summary>
    public static long UsableBytes(long freeBytes) => (long)(freeBytes * UsableShare);

    /// <summary>Bytes that a run on a backend may use: the bytes already allocated and the usable part of the free memory.</summary>
    /// <param name="memory">The backend's memory.</param>
    /// <param name="sharing">Number of ranks that share the same machine's memory.</param>
    public static long Budget(Allocator memory, int sharing = 1) => memory.LiveBytes + UsableBytes(memory.AvailableBytes) / sharing;

    /// <summary>The layout of the run; the leanest one if none fits.</summary>
    public MemoryPlan Plan()
    {
        MemoryPlan? best = null;
        foreach (int rows in _shape.RowsPerRun(MaxTokens))
        {
            if (best is { Fits: true } && _shape.Tokens(rows) < MinRunTokens) break;
            var plan = FewestRecomputed(new StepPlan(rows, MaxRecomputed, LogitsMemory.LeanBytes));
            if (best is not { Fits: true } || plan.Steps.RecomputedLayers < best.Steps.RecomputedLayers) best = plan;
            if (best.Fits && best.Steps.RecomputedLayers == MinRecomputed) break;
        }

        return WithDecodedWeights(MoreLogits(best!));
    }

    /// <summary>The layout of a resumed run.</summary>
    /// <param name="rowsPerRun">The value at the start of the run.</param>
    /// <param name="maxLogitsBytes">The value at the start of the run.</param>
    internal MemoryPlan Resume(int rowsPerRun, long maxLogitsBytes) =>
        WithDecodedWeights(FewestRecomputed(new StepPlan(rowsPerRun, MaxRecomputed, maxLogitsBytes)));

    /// <summary>The largest per_device_train_batch_size, for rows of max_length tokens, that fits in one pass, with as much recomputation
    /// as allowed; 0 if none fits. Larger batches run in parts.</summary>
    public int LargestBatchSize()
    {
        int fits = 0;
        for (int step = 1 << BitOperations.Log2((uint)MaxBatchSize); step > 0; step /= 2)
        {
            int size = fits + step;
            if (size <= MaxBatchSize && (long)size * _config.MaxLength <= MaxBatchTokens && FitsLeanly(size)) fits = size;
        }

        return fits;
    }

    private bool FitsLeanly(int batchSize)
    {
        var config = _config with { PerDeviceTrainBatchSize = batchSize, GradientAccumulationSteps = 1 };
        var shape = RunShape.OfFullRows(config, _shape.Batch.Ranks, _shape.Generation);
        return Try(shape, new StepPlan(batchSize, MaxRecomputed, LogitsMemory.LeanBytes)).Fits;
    }

    private int MaxTokens => IsLean ? Math.Min(MaxRunTokens, LeanRunElements / _model.Config.HiddenSize) : MaxRunTokens;

    private bool IsLean => _config.GradientCheckpointing == GradientCheckpointing.True;

    private int MaxRecomputed => _config.GradientCheckpointing == GradientCheckpointing.False ? 0 : _model.Config.NumHiddenLayers;

    private int MinRecomputed => IsLean ? _model.Config.NumHiddenLayers : 0;

    /// <summary>The layout with the fewest recomputed layers that fits; <paramref name="leanest"/> itself if none fits.</summary>
    private MemoryPlan FewestRecomputed(StepPlan leanest)
    {
        var best = Try(leanest);
        int low = best.Fits ? MinRecomputed : leanest.RecomputedLayers;
        for (int layers = low; low < best.Steps.RecomputedLayers; layers = (low + best.Steps.RecomputedLayers) / 2)
        {
            var plan = Try(leanest with { RecomputedLayers = layers });
            if (plan.Fits) best = plan;
            else low = layers + 1;
        }

        return best;
    }

    /// <summary>The largest number of logits that fits, unless memory has priority over speed.</summary>
    private MemoryPlan MoreLogits(MemoryPlan lean)
    {
        for (long bytes = IsLean ? 0 : _model.Backend.MaxLogitsBytes; bytes > lean.Steps.MaxLogitsBytes; bytes /= 2)
        {
            var plan = Try(lean.Steps with { MaxLogitsBytes = bytes });
            if (plan.Fits) return plan;
        }

        return lean;
    }

    /// <summary>The memory left for decoded weights, unless memory has priority over speed or all layers' activations did not
    /// fit.</summary>
    private MemoryPlan WithDecodedWeights(MemoryPlan plan)
    {
        if (IsLean || !plan.Fits || plan.Steps.RecomputedLayers > 0) return plan;
        var kept = Try(plan.Steps with { MaxDecodedBytes = (long)((_budgetBytes - plan.Predicted.TotalBytes) * DecodedShare) });

        // No more than the run itself keeps; other users of the model must not take the rest.
        return kept with { Steps = kept.Steps with { MaxDecodedBytes = kept.Predicted[MemoryOwner.DecodedWeights] } };
    }

    /// <summary>The memory of a given layout.</summary>
    internal MemoryPlan Try(StepPlan steps) => Try(_shape, steps);

    private MemoryPlan Try(RunShape shape, StepPlan steps) => new(
        steps, _model.Config.NumHiddenLayers, shape.Batch, shape.Tokens(Math.Min(shape.Batch.PerDevice, shape.StepRows)),
        shape.StepRows,
        shape.Tokens(steps.RowsPerRun), TrainingSetup.Predict(_model, _weights, _config, shape, steps), _budgetBytes)
    {
        TrainsAll = _weights is FullWeights,
    };
}
