using Lapidary.Training.Checkpoints;
using Lapidary.Training.Logging;

namespace Lapidary.Training.Trainer;

/// <summary>State of a run besides the weights: its log, tokens so far, sums since the last entry, the best evaluation.</summary>
/// <param name="observer">Receives every new entry.</param>
/// <param name="chosenBy">The metric that chooses the best evaluation; null for the loss.</param>
internal sealed class RunLog(ITrainingObserver observer, IEvaluationMetric? chosenBy = null)
{
    /// <summary>Receives every new entry.</summary>
    public ITrainingObserver Observer { get; set; } = observer;

    /// <summary>Sums since the last entry.</summary>
    public LossMeter Pending => _meter;

    private readonly List<LogEntry> _entries = [];
    private LossMeter _meter = new();
    private long _tokens;
    private long _tokensAtEntry;
    private TimeSpan _time;
    private TimeSpan _timeAtEntry;

    /// <summary>Best evaluation with a checkpoint, or the best one if no checkpoint is saved: the lowest loss, or the best value of the
    /// metric.</summary>
    public double? Best { get; private set; }

    /// <summary>What the evaluation before the first step found, if it is better than <see cref="Best"/>; else null.</summary>
    public double? BetterBefore =>
        _entries.Find(entry => entry is { Step: 0, EvalLoss: not null }) is { } first && ValueOf(first) is { } before && before != Best
        && IsBetter(before, first.EvalLoss) ? before : null;

    /// <summary>Evaluation loss of the best evaluation, which decides between equal values of the metric: the lower one wins.</summary>
    private double? _bestLoss;

    /// <summary>Name of its checkpoint; null if none was saved.</summary>
    public string? BestCheckpoint { get; private set; }

    /// <summary>The checkpoint that the weights were taken from at the end; null for those of the last step.</summary>
    public string? LoadedCheckpoint { get; set; }

    /// <summary>Restores the state of a resumed run.</summary>
    public void Restore(TrainerState state, LossMeter pending)
    {
        _entries.AddRange(state.LogHistory);
        (_meter, _tokens, _tokensAtEntry) = (pending, state.NumTokens, state.NumTokens);

        // Accepts a name but not a path, because the file may have been changed.
        string? best = Path.GetFileName(state.BestModelCheckpoint);
        int? step = best is null ? null : RunNames.StepOf(best);
        (Best, BestCheckpoint) = (state.BestMetric, step is null ? null : best);
        _bestLoss = _entries.LastOrDefault(entry => entry.EvalLoss is not null && entry.Step > 0
            && (step is null ? ValueOf(entry) == Best : entry.Step == step))?.EvalLoss;
    }

    /// <summary>Finds the best checkpoint again.</summary>
    public void ForgetBest() => (Best, BestCheckpoint, _bestLoss) = (null, null, null);

    /// <summary>Whether the log has an evaluation of a step.</summary>
    public bool IsEvaluated(int step) => _entries.Exists(entry => entry.Step == step && entry.EvalLoss is not null);

    /// <summary>Counts an optimizer step.</summary>
    public void Count(in OptimizerStepResult step, TimeSpan time)
    {
        _tokens += step.Tokens;
        _time += time;
        _meter.Add(step.Loss, step.Hits, step.TrainedTokens);
    }

    /// <summary>Adds an entry for the steps since the last one.</summary>
    public void AddSteps(int step, double epoch, in OptimizerStepResult last)
    {
        Add(new LogEntry
        {
            Step = step,
            Epoch = epoch,
            Loss = _meter.Loss,
            GradNorm = last.GradNorm,
            LearningRate = last.LearningRate,
            NumTokens = _tokens,
            TokensPerSecond = (_tokens - _tokensAtEntry) / (_time - _timeAtEntry).TotalSeconds,
            MeanTokenAccuracy = _meter.Accuracy,
        });
        _meter.Reset();
        (_tokensAtEntry, _timeAtEntry) = (_tokens, _time);
    }

    /// <summary>Adds an evaluation. One before the first step has nothing to save, so it is never the best.</summary>
    /// <param name="evaluation">The evaluation.</param>
    /// <param name="checkpoint">The checkpoint that will be saved next, or null.</param>
    public void AddEvaluation(LogEntry evaluation, string? checkpoint)
    {
        Add(evaluation);
        if (evaluation.Step > 0 && ValueOf(evaluation) is { } found && IsBetter(found, evaluation.EvalLoss))
            (Best, BestCheckpoint, _bestLoss) = (found, checkpoint, evaluation.EvalLoss);
    }

    private double? ValueOf(LogEntry entry) => chosenBy is null ? entry.EvalLoss : entry.EvalMetricValue;

    private bool IsBetter(double value, double? loss) => Best is not { } best
        || (value == best ? loss < _bestLoss : chosenBy is { GreaterIsBetter: true } ? value > best : value < best);

    /// <summary>The state after some steps.</summary>
    public TrainerState State(int step, int totalSteps, double epoch, SftConfig config) => new()
    {
        GlobalStep = step,
        MaxSteps = totalSteps,
        Epoch = epoch,
        NumTokens = _tokens,
        BestMetric = Best,
        BestModelCheckpoint = BestCheckpoint,
        LoadedCheckpoint = LoadedCheckpoint,
        TrainingTime = _time,
        Config = config,
        LogHistory = _entries,
    };

    private void Add(LogEntry entry)
    {
        _entries.Add(entry);
        Observer.OnLog(entry);
    }
}

/// <summary>The results of an optimizer step.</summary>
/// <param name="Loss">Nats per trained token.</param>
/// <param name="Hits">Trained tokens whose label has the largest logit.</param>
/// <param name="TrainedTokens">Number of trained tokens.</param>
/// <param name="Tokens">Tokens, padding left out.</param>
/// <param name="GradNorm">Before clipping.</param>
/// <param name="LearningRate">Of the step.</param>
internal readonly record struct OptimizerStepResult(
    double Loss, long Hits, int TrainedTokens, long Tokens, float GradNorm, double LearningRate);
