using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training.Optimizers;

namespace Lapidary.Training.Steps;

/// <summary>What a run allocates besides model and adapter: moments, recorded steps with their inputs and arenas, decoded weights. Set up
/// on the model's own backend to train, and on one that only counts to know the memory beforehand.</summary>
internal sealed class TrainingSetup : IDisposable
{
    private readonly IDisposable _decodedWeights;

    /// <summary>Sets up the optimizer and the largest steps.</summary>
    /// <param name="model">The base, which may lie on another backend than <paramref name="backend"/>, if that only counts.</param>
    /// <param name="adapter">What is trained, attached to the model.</param>
    /// <param name="config">Options.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="plan">How steps are laid out.</param>
    /// <param name="backend">Gives the memory.</param>
    /// <param name="communicator">Of the ranks that train together.</param>
    public TrainingSetup(
        GemmaModel model, Adapter adapter, SftConfig config, RunShape shape, StepPlan plan, IBackend backend, ICommunicator communicator)
    {
        Optimizer = new AdamWOptimizer(adapter.Blocks, config.AdamW, (float)config.MaxGradNorm, backend, communicator);
        Numbers = new StepNumbers(backend, communicator);
        Steps = new ModelSteps(model, backend, training: true, plan.RecomputedLayers, plan.MaxLogitsBytes);
        EvaluationSteps = ModelSteps.ForEvaluation(model, backend);
        int tokens = shape.Tokens(plan.RowsPerRun), evaluated = shape.EvaluationTokens;
        LargestStep = Steps.For(tokens, tokens);
        LargestEvaluation = evaluated > 0 ? EvaluationSteps.For(evaluated, evaluated) : null;
        _decodedWeights = backend.KeepDecodedWeights(plan.MaxDecodedBytes);
    }

    public AdamWOptimizer Optimizer { get; }

    public StepNumbers Numbers { get; }

    public ModelSteps Steps { get; }

    public ModelSteps EvaluationSteps { get; }

    private ModelStep LargestStep { get; }

    private ModelStep? LargestEvaluation { get; }

    /// <summary>The memory of a rank on a backend like the model's, model and adapter included.</summary>
    public static MemoryUse Predict(GemmaModel model, Adapter adapter, SftConfig config, RunShape shape, StepPlan plan)
    {
        using var counter = model.Backend.CreateCounter();
        int ranks = shape.Batch.Ranks;
        var communicator = ranks == 1 ? SilentCommunicator.Solo : SilentCommunicator.ToCount(ranks);
        using var setup = new TrainingSetup(model, adapter, config, shape, plan, counter, communicator);
        setup.RunOnce();
        var (there, added) = (model.Backend.Memory.Live, counter.Memory.Live);

        // The counter has its own scratch from the first byte on, and decoded weights that another run keeps are freed; whatever else lies
        // in the model's memory stays there.
        return new MemoryUse(owner => owner switch
        {
            MemoryOwner.Workspace => Math.Max(there[owner], added[owner]),
            MemoryOwner.DecodedWeights => added[owner],
            _ => there[owner] + added[owner],
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        EvaluationSteps.Dispose();
        Steps.Dispose();
        Numbers.Dispose();
        Optimizer.Dispose();
        _decodedWeights.Dispose();
    }

    /// <summary>Runs the largest steps and an update, so that each operation asks for its scratch.</summary>
    private void RunOnce()
    {
        Optimizer.ZeroGradients();
        LargestStep.Replay();
        Optimizer.Step(learningRate: 0, step: 1);
        LargestEvaluation?.Replay();
    }
}
