using System.Numerics;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Training;

/// <summary>Chooses how a run's steps are laid out, by trying layouts on a backend that only counts.</summary>
/// <remarks>
/// <para>The rule. As many micro-batches as possible run as one, up to <see cref="MaxProgramTokens"/> tokens; for the first number of them that fits
/// at all, as few layers as possible are computed again (none or all where the user says so); with what is left, logits are formed as many
/// at a time as <see cref="IBackend.MostLogitsBytes"/> says, halved until they fit.</para>
/// <para>A resumed run keeps what its bits depend on, whatever memory there is now: merged micro-batches and bytes of logits.</para>
/// </remarks>
public sealed class MemoryPlanner
{
    /// <summary>Tokens beyond which a larger run through the model gains nothing: its products fill any GPU.</summary>
    public const int MaxProgramTokens = 8192;

    /// <summary>Share of the free memory that a plan may take; the rest is for captured graphs and for what lies between blocks.</summary>
    private const double UsableShare = 0.95;

    private const int MaxBatchSize = 4096;

    private readonly GemmaModel _model;
    private readonly Adapter _adapter;
    private readonly SftConfig _config;
    private readonly RunShape _shape;
    private readonly long _budgetBytes;

    internal MemoryPlanner(GemmaModel model, Adapter adapter, SftConfig config, RunShape shape, long budgetBytes)
    {
        (_model, _adapter, _config, _shape, _budgetBytes) = (model, adapter, config, shape, budgetBytes);
        model.Attach(adapter);
    }

    /// <summary>A planner without data: for rows of max_length tokens, as packing makes them.</summary>
    /// <param name="model">A loaded model, or a <see cref="GemmaModel.Skeleton"/>.</param>
    /// <param name="adapter">What is trained; the planner attaches it to the model.</param>
    /// <param name="config">Options.</param> <param name="budgetBytes">Memory for the whole run, model included.</param>
    public MemoryPlanner(GemmaModel model, Adapter adapter, SftConfig config, long budgetBytes)
        : this(model, adapter, config, RunShape.OfFullRows(config), budgetBytes)
    {
    }

    /// <summary>A planner of a run over given rows.</summary>
    /// <param name="model">A loaded model, or a <see cref="GemmaModel.Skeleton"/>.</param>
    /// <param name="adapter">What is trained; the planner attaches it to the model.</param> <param name="config">Options.</param>
    /// <param name="train">Rows to train on.</param> <param name="eval">Rows to evaluate on, or null.</param>
    /// <param name="budgetBytes">Memory for the whole run, model included.</param>
    public MemoryPlanner(GemmaModel model, Adapter adapter, SftConfig config, TrainingRows train, TrainingRows? eval, long budgetBytes)
        : this(model, adapter, config, RunShape.Of(config, train, eval), budgetBytes)
    {
    }

    /// <summary>The usable part of free memory.</summary>
    public static long UsableBytes(long freeBytes) => (long)(freeBytes * UsableShare);

    /// <summary>Bytes that a run on a backend may take: what lies there already and the usable part of what is free.</summary>
    public static long Budget(Allocator memory) => memory.LiveBytes + UsableBytes(memory.AvailableBytes);

    /// <summary>The layout of the run; the leanest one where none fits.</summary>
    public MemoryPlan Plan() => Plan(_shape.Merges(MaxProgramTokens), fixedLogits: null);

    /// <summary>The layout of a resumed run.</summary>
    /// <param name="mergedMicroBatches">As it began.</param> <param name="maxLogitsBytes">As it began.</param>
    public MemoryPlan Resume(int mergedMicroBatches, long maxLogitsBytes) => Plan([mergedMicroBatches], maxLogitsBytes);

    /// <summary>The largest per_device_train_batch_size that fits, of rows of max_length tokens; 0 where none does.</summary>
    public int LargestBatchSize()
    {
        int fits = 0;
        for (int step = 1 << BitOperations.Log2((uint)MaxBatchSize); step > 0; step /= 2)
        {
            int size = fits + step;
            if (size <= MaxBatchSize && FitsLeanly(size)) fits = size;
        }

        return fits;
    }

    private bool FitsLeanly(int batchSize)
    {
        var config = _config with { PerDeviceTrainBatchSize = batchSize };
        return Try(config, RunShape.OfFullRows(config), new StepPlan(1, MostRecomputed, LogitsMemory.LeanBytes)).Fits;
    }

    private int MostRecomputed => _config.GradientCheckpointing == GradientCheckpointing.False ? 0 : _model.Config.NumHiddenLayers;

    private int FewestRecomputed => _config.GradientCheckpointing == GradientCheckpointing.True ? _model.Config.NumHiddenLayers : 0;

    private MemoryPlan Plan(IEnumerable<int> merges, long? fixedLogits)
    {
        long lean = fixedLogits ?? LogitsMemory.LeanBytes;
        MemoryPlan? plan = null;
        foreach (int merged in merges)
        {
            plan = Try(new StepPlan(merged, MostRecomputed, lean));
            if (plan.Fits) return fixedLogits is null ? MoreLogits(FewerRecomputed(plan)) : FewerRecomputed(plan);
        }

        return plan!;
    }

    /// <summary>The fewest recomputed layers that fit, given that those of <paramref name="best"/> do.</summary>
    private MemoryPlan FewerRecomputed(MemoryPlan best)
    {
        int low = FewestRecomputed;
        for (int layers = low; low < best.Steps.RecomputedLayers; layers = (low + best.Steps.RecomputedLayers) / 2)
        {
            var plan = Try(best.Steps with { RecomputedLayers = layers });
            if (plan.Fits) best = plan;
            else low = layers + 1;
        }

        return best;
    }

    /// <summary>The most logits that fit, but where all layers are computed again for the sake of memory.</summary>
    private MemoryPlan MoreLogits(MemoryPlan lean)
    {
        if (_config.GradientCheckpointing == GradientCheckpointing.True) return lean;
        for (long bytes = _model.Backend.MostLogitsBytes; bytes > lean.Steps.MaxLogitsBytes; bytes /= 2)
        {
            var plan = Try(lean.Steps with { MaxLogitsBytes = bytes });
            if (plan.Fits) return plan;
        }

        return lean;
    }

    /// <summary>What a given layout comes to.</summary>
    internal MemoryPlan Try(StepPlan steps) => Try(_config, _shape, steps);

    private MemoryPlan Try(SftConfig config, RunShape shape, StepPlan steps) => new(
        steps, _model.Config.NumHiddenLayers, shape.MicroBatches, shape.Tokens(1), shape.Tokens(steps.MergedMicroBatches),
        TrainingSetup.Predict(_model, _adapter, config, shape, steps), _budgetBytes);
}
