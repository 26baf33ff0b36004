using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Model;
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

    /// <summary>One optimizer step.</summary>
    /// <param name="setup">The recorded steps.</param>
    /// <param name="step">0 for the first.</param>
    /// <param name="rowsPerRun">Largest number of rows that go through the model at a time.</param>
    /// <param name="isFirst">Whether this is the first step of this run here. It compiles and tunes kernels for later steps, so the other
    /// ranks wait for it without limit.</param>
    /// <param name="stops">Whether this rank requests an end after the step.</param>
    /// <returns>The sums over all ranks, and whether a rank requested an end.</returns>
    public (OptimizerStepResult Result, bool Stops) Run(TrainingSetup setup, int step, int rowsPerRun, bool isFirst, bool stops)
    {
        var rows = schedule.Rows(step);
        int trained = train.TrainedTokens(rows);
        (double Loss, long Hits, long Tokens) own;
        using (isFirst ? communicator.Ranks.Busy("the first step") : null)
            own = RunRows(setup, step, rows, rowsPerRun, lossScale: trained == 0 ? 0 : 1f / trained);

        double rate = rates.At(step);
        using var waiting = communicator.Ranks.Waiting(Update);
        setup.Numbers.Give(own.Loss, own.Hits, own.Tokens, stops);
        var (norm, applied) = setup.Optimizer.Step(rate, step + 1);
        var all = setup.Numbers.Take();
        double loss = all.Loss / Math.Max(1, trained);
        if (!applied)
        {
            throw new LapidaryException(
                $"Step {step + 1}: the loss is {loss:G4}, but the norm of its gradients is {norm:G4}, too large "
                + "to be applied. The weights are those of the step before; nothing of this step is saved, and the checkpoints before it "
                + "are whole. Lower LearningRate, set a MaxGradNorm, or look at the rows of this step.");
        }

        return (new OptimizerStepResult(loss, all.Hits, trained, all.Tokens, norm, rate), all.Stops);
    }

    /// <summary>Adds up the gradients of this rank's rows.</summary>
    private (double Loss, long Hits, long Tokens) RunRows(
        TrainingSetup setup, int step, ReadOnlySpan<int> rows, int atATime, float lossScale)
    {
        setup.Optimizer.ZeroGradients();
        double loss = 0;
        long hits = 0, tokens = 0;
        var (first, end) = BatchSchedule.Share(rows.Length, communicator.Ranks);
        long before = train.Tokens(rows[..first]);
        for (; first < end; first += atATime)
        {
            var some = rows.Slice(first, Math.Min(atATime, end - first));
            var batch = train.Batch(some);
            if (weights is Adapter { DropoutSeed: var seed }) model.Backend.Write<long>([DropoutSeed(step), before + tokens], seed);
            var result = setup.Steps.For(batch).Run(batch, lossScale);
            if (!double.IsFinite(result.LossSum)) throw NotFinite(step, some, result);
            loss += result.LossSum;
            hits += result.Hits;
            tokens += batch.RealTokens;
        }

        return (loss, hits, tokens);
    }

    /// <summary>A separate seed for every step, regardless of earlier steps.</summary>
    private long DropoutSeed(int step) => config.Seed + ((long)step * schedule.RowsPerStep + 1) * 0x5851F42D4C957F2DL;

    private LapidaryException NotFinite(int step, ReadOnlySpan<int> sequences, in StepResult result) => new(
        $"Step {step + 1}: the loss of {train.Describe(sequences)} is {result.LossSum}; {Divergence.Explain(model)} Where the run began "
        + "with finite losses, lower LearningRate. Nothing of this step is applied or saved; the checkpoints before it are whole.");
}
