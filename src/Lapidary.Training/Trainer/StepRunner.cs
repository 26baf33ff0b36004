using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Model;
using Lapidary.Training.Data.Packing;
using Lapidary.Training.Optimizers;
using Lapidary.Training.Steps;

namespace Lapidary.Training.Trainer;

/// <summary>Runs optimizer steps: the gradients of this rank's rows in several parts, then the update, which all ranks do
/// together.</summary>
internal sealed class StepRunner(
    GemmaModel model, TrainedWeights weights, SftConfig config, PackedDataSet train, BatchSchedule schedule, LearningRateSchedule rates,
    ICommunicator communicator)
{
    /// <summary>The text that tells other ranks why they wait. One text for all steps, because a step allocates nothing.</summary>
    private const string Update = "an optimizer step";

    /// <summary>What losses are multiplied by. All ranks change it alike, because they all have the same norm.</summary>
    public LossScale Scale { get; private set; } = LossScale.Of(model.Backend.ActivationDType);

    /// <summary>For tests: the first exponent of <see cref="Scale"/>, whatever the activations are; null for their own.</summary>
    public int? FirstExponent { get; set; }

    /// <summary>Begins a run: it starts with the first scale.</summary>
    public void Begin() => Scale = LossScale.Of(model.Backend.ActivationDType, FirstExponent);

    /// <summary>One optimizer step. If gradients in fp16 are not finite, it is run again with a smaller <see cref="Scale"/>: the same rows,
    /// dropout and rate. Afterwards tables may be on their way: see <see cref="AdamWOptimizer.IsGathering"/>.</summary>
    /// <param name="setup">The recorded steps.</param>
    /// <param name="step">0 for the first.</param>
    /// <param name="rowsPerRun">Largest number of rows that go through the model at a time.</param>
    /// <param name="isFirst">Whether this is the first step of this run here. It compiles and tunes kernels for later steps, so the other
    /// ranks wait for it without limit.</param>
    /// <param name="stops">Whether this rank requests an end after the step.</param>
    /// <returns>The sums over all ranks, and whether a rank requested an end.</returns>
    public (OptimizerStepResult Result, bool Stops) Run(TrainingSetup setup, int step, int rowsPerRun, bool isFirst, bool stops)
    {
        int trained = train.TrainedTokens(schedule.Rows(step));
        double rate = rates.At(step);
        while (true)
        {
            (double Loss, long Hits, long Tokens) own;
            using (isFirst ? communicator.Ranks.Busy("the first step") : null)
                own = RunRows(setup, step, rowsPerRun, Scale.Seed(trained));

            using var waiting = communicator.Ranks.Waiting(Update);
            setup.Numbers.Give(own.Loss, own.Hits, own.Tokens, stops);
            var (norm, applied) = setup.Optimizer.Step(rate, step + 1, Scale.ToGradients(trained));
            var all = setup.Numbers.Take();
            double loss = all.Loss / Math.Max(1, trained);
            if (applied)
            {
                weights.Fault.Forget();
                Scale.CountClean();
                return (new OptimizerStepResult(loss, all.Hits, trained, all.Tokens, norm, rate), all.Stops);
            }

            if (float.IsFinite(norm) || !Scale.TryLower()) throw NotApplied(step, loss, norm, setup, rowsPerRun, trained);
        }
    }

    /// <summary>Adds up the gradients of this rank's rows.</summary>
    /// <param name="setup">The recorded steps.</param>
    /// <param name="step">0 for the first.</param>
    /// <param name="atATime">Largest number of rows that go through the model at a time.</param>
    /// <param name="lossScale">What the gradient of each trained token's loss begins with.</param>
    private (double Loss, long Hits, long Tokens) RunRows(TrainingSetup setup, int step, int atATime, float lossScale)
    {
        setup.Optimizer.ZeroGradients();
        double loss = 0;
        long hits = 0, tokens = 0;
        var rows = schedule.Rows(step);
        var (first, end) = BatchSchedule.Share(rows.Length, communicator.Ranks);
        for (; first < end; first += atATime)
        {
            var some = rows.Slice(first, Math.Min(atATime, end - first));
            var batch = Prepare(step, rows, first, some.Length);
            var recorded = setup.Steps.For(batch);
            var result = recorded.Run(batch, lossScale, setup.Optimizer);
            if (!double.IsFinite(result.LossSum)) throw NotFinite(step, some, result, recorded, batch, lossScale);
            loss += result.LossSum;
            hits += result.Hits;
            tokens += batch.RealTokens;
        }

        setup.Optimizer.EndGather(); // a rank without rows: before the step's first exchange
        return (loss, hits, tokens);
    }

    /// <summary>Rows as a batch; their dropout depends on the step and their place in it.</summary>
    private Batch Prepare(int step, ReadOnlySpan<int> rows, int first, int count)
    {
        if (weights is Adapter { DropoutSeed: var seed }) model.Backend.Write<long>([DropoutSeed(step), train.Tokens(rows[..first])], seed);
        return train.Batch(rows.Slice(first, count));
    }

    /// <summary>A separate seed for every step, regardless of earlier steps.</summary>
    private long DropoutSeed(int step) => config.Seed + ((long)step * schedule.RowsPerStep + 1) * 0x5851F42D4C957F2DL;

    private LapidaryException NotFinite(
        int step, ReadOnlySpan<int> sequences, in StepResult result, ModelStep recorded, Batch batch, float lossScale)
    {
        string why = Divergence.Explain(model, () => recorded.FindNonFinite(batch, lossScale));
        return new($"Step {step + 1}: the loss of {train.Describe(sequences)} is {result.LossSum}; {why} Where the run began with finite "
            + "losses, lower LearningRate. Nothing of this step is applied or saved; the checkpoints before it are whole.");
    }

    private LapidaryException NotApplied(int step, double loss, float norm, TrainingSetup setup, int rowsPerRun, int trained)
    {
        const string Kept = "The weights are those of the step before; nothing of this step is saved, and the checkpoints before it are "
            + "whole. Lower LearningRate, set a MaxGradNorm, or look at the rows of this step";
        string start = $"Step {step + 1}: the loss is {loss:G4}, but the norm of its gradients is {norm:G4}";
        if (float.IsFinite(norm) || Scale.Exponent is not { } exponent) return new($"{start}, too large to be applied. {Kept}.");
        string where = FindNonFinite(setup, step, rowsPerRun, Scale.Seed(trained)) is { } place ? $" ({place})" : "";
        return new($"{start} even at a loss scale of 2^{exponent}{where}. {Kept}, or set DType to bfloat16 where the device has it.");
    }

    /// <summary>Where the gradients of this rank's rows leave the finite numbers; null if they do so on another rank or in a sum.</summary>
    private string? FindNonFinite(TrainingSetup setup, int step, int atATime, float lossScale)
    {
        setup.Optimizer.EndGather();
        setup.Optimizer.ZeroGradients();
        var rows = schedule.Rows(step);
        var (first, end) = BatchSchedule.Share(rows.Length, communicator.Ranks);
        for (; first < end; first += atATime)
        {
            var batch = Prepare(step, rows, first, Math.Min(atATime, end - first));
            if (setup.Steps.For(batch).FindNonFinite(batch, lossScale) is { } place) return place;
        }

        return null;
    }
}
