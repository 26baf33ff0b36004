using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Training.Optimizers;

namespace Lapidary.Training.Steps;

/// <summary>The allocations of a run besides model and trained weights: moments, recorded steps with their inputs and arenas, the cache of
/// an evaluation's texts, decoded weights. It is set up on the model's backend to train, or on one that only counts, to predict the
/// memory.</summary>
internal sealed class TrainingSetup : IDisposable
{
    private readonly GemmaModel _model;
    private readonly CachedSteps? _generation;

    /// <summary>What was allocated, in order: all of it, or what there was before an error.</summary>
    private readonly Stack<IDisposable> _parts = new();

    private GenerationEngine? _engine;

    /// <summary>Sets up the optimizer and the largest steps.</summary>
    /// <param name="model">The base. It may be on another backend than <paramref name="backend"/> if that one only counts.</param>
    /// <param name="weights">What to train, attached to the model.</param>
    /// <param name="config">Options.</param>
    /// <param name="shape">Sizes of the run.</param>
    /// <param name="plan">The layout of steps.</param>
    /// <param name="backend">Provides the memory.</param>
    /// <param name="communicator">Connects the ranks that train together.</param>
    public TrainingSetup(
        GemmaModel model, TrainedWeights weights, SftConfig config, RunShape shape, StepPlan plan, IBackend backend,
        ICommunicator communicator)
    {
        _model = model;
        try
        {
            Optimizer = Own(new AdamWOptimizer(weights.Blocks, config.AdamW, (float)config.MaxGradNorm, backend, communicator));
            Numbers = Own(new StepNumbers(backend, communicator));
            Steps = Own(new ModelSteps(
                model, backend, training: true, plan.RecomputedLayers, plan.MaxLogitsBytes, waitsForTables: Optimizer.HasLateValues));
            EvaluationSteps = Own(ModelSteps.ForEvaluation(model, backend));
            int tokens = shape.Tokens(plan.RowsPerRun), evaluated = shape.EvaluationTokens;
            LargestStep = Steps.For(tokens, tokens);
            LargestEvaluation = evaluated > 0 ? EvaluationSteps.For(evaluated, evaluated) : null;
            var (texts, length) = shape.Generation;
            if (texts > 0) _generation = new CachedSteps(model, texts, length, backend);
            Own(backend.KeepDecodedWeights(plan.MaxDecodedBytes));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public AdamWOptimizer Optimizer { get; }

    public StepNumbers Numbers { get; }

    public ModelSteps Steps { get; }

    public ModelSteps EvaluationSteps { get; }

    /// <summary>Generates an evaluation's texts, in memory that was allocated with the other parts.</summary>
    public GenerationEngine Engine =>
        _engine ??= _generation is null ? new GenerationEngine(_model) : new GenerationEngine(_model, _generation);

    private ModelStep LargestStep { get; }

    private ModelStep? LargestEvaluation { get; }

    /// <summary>The memory of a rank on a backend like the model's, including model and trained weights.</summary>
    public static MemoryUse Predict(GemmaModel model, TrainedWeights weights, SftConfig config, RunShape shape, StepPlan plan)
    {
        using var counter = model.Backend.CreateCounter();
        int ranks = shape.Batch.Ranks;
        var communicator = ranks == 1 ? SilentCommunicator.Solo : SilentCommunicator.ToCount(ranks);
        using var setup = new TrainingSetup(model, weights, config, shape, plan, counter, communicator);
        setup.RunOnce();
        var (there, added) = (model.Backend.Memory.Live, counter.Memory.Live);

        // The counter includes its scratch from the start, and decoded weights of another run are freed. All other allocations in the
        // model's memory stay.
        return new MemoryUse(owner => owner switch
        {
            MemoryOwner.Workspace => Math.Max(there[owner], added[owner]),
            MemoryOwner.DecodedWeights => added[owner],
            _ => there[owner] + added[owner],
        });
    }

    /// <summary>After an error, weights that other ranks still send come in, so that the caller finds whole tables. The others end the
    /// gather too, whether they fail as well or go on.</summary>
    public void EndGatherAfterError()
    {
        try
        {
            Optimizer.EndGather();
        }
        catch (LapidaryException)
        {
            // Another rank is gone, or the device has failed: the first error is the one to report.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_engine is not null) _engine.Dispose();
        else _generation?.Dispose();
        while (_parts.TryPop(out var part)) part.Dispose();
    }

    private T Own<T>(T part)
        where T : IDisposable
    {
        _parts.Push(part);
        return part;
    }

    /// <summary>Runs the largest steps and an update, so that each operation requests its scratch.</summary>
    private void RunOnce()
    {
        Optimizer.ZeroGradients();
        LargestStep.Replay();
        Optimizer.Step(learningRate: 0, step: 1);
        LargestEvaluation?.Replay();
        _generation?.RunOnce();
    }
}
