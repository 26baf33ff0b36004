using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Steps;

namespace Lapidary.Training.Trainer;

/// <summary>The evaluations of a run: when they are due, and what they measure.</summary>
/// <param name="config">Options.</param>
/// <param name="schedule">The run's steps.</param>
/// <param name="evaluator">Computes the loss.</param>
/// <param name="metric">What is measured besides, by texts of the engine; null for nothing.</param>
/// <param name="engine">Generates the texts.</param>
/// <param name="ranks">The ranks, all of which evaluate together.</param>
internal sealed class RunEvaluation(
    SftConfig config, BatchSchedule schedule, Evaluator evaluator, IEvaluationMetric? metric, GenerationEngine engine, RankGroup ranks)
{
    /// <summary>Refuses a metric without rows, and options that choose by a metric that is not there.</summary>
    /// <exception cref="LapidaryException">One of them is missing.</exception>
    public static void Require(SftConfig config, IEvaluationMetric? metric, bool hasRows)
    {
        if (metric is not null && !hasRows)
            throw new LapidaryException($"The metric {metric.Name} needs an evaluation set; give eval_dataset or test_size.");
        if (!config.HasMetric || metric?.Name == config.EvalMetric) return;
        throw new LapidaryException(
            $"EvalMetric: expected {SftConfig.LossMetric} or the name of the trainer's metric, which is "
            + $"{metric?.Name ?? "not there"}, found {config.EvalMetric}.");
    }

    /// <summary>Whether an evaluation is due after a number of steps.</summary>
    /// <param name="step">0 before the first.</param>
    public bool IsDue(int step) => step == 0
        ? config.EvalOnStart ?? metric is not null
        : schedule.IsDue(config.EvalStrategy, config.EvalSteps, step);

    /// <summary>Evaluates.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="cancellationToken">Ends it on all ranks.</param>
    /// <returns>An entry for the log; null if cancellation was requested.</returns>
    public LogEntry? Run(int step, CancellationToken cancellationToken)
    {
        if (evaluator.RunUnlessStopped(cancellationToken) is not var (loss, accuracy)) return null;
        var entry = new LogEntry { Step = step, Epoch = schedule.EpochAfter(step), EvalLoss = loss, EvalMeanTokenAccuracy = accuracy };
        if (metric is null) return entry;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, ranks.StopRequested);
        return metric.Measure(engine, ranks, stop.Token) is { } value
            ? entry with { EvalMetric = metric.Name, EvalMetricValue = value }
            : null;
    }
}
