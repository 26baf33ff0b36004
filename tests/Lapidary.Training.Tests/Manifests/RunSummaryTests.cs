using Lapidary.Training.Manifests;

namespace Lapidary.Training.Tests.Manifests;

public class RunSummaryTests
{
    private static readonly LogEntry Before = new() { Step = 0, EvalLoss = 3, EvalMetric = "even", EvalMetricValue = 0.1 };

    private static readonly LogEntry After = new() { Step = 4, EvalLoss = 2, EvalMetric = "even", EvalMetricValue = 0.3 };

    /// <summary>A run that was stopped before its first evaluation has none of its weights.</summary>
    [Fact]
    public void TheModelBeforeTraining_IsNotTheResult()
    {
        var summary = new RunSummary(new TrainerState { GlobalStep = 3, MaxSteps = 8, LogHistory = [Before] });
        Assert.Null(summary.Evaluation);
        Assert.Equal(0.1, summary.Before);
    }

    [Fact]
    public void WithoutAStep_TheModelBeforeTraining_IsTheResult() =>
        Assert.Equal(Before, new RunSummary(new TrainerState { GlobalStep = 0, MaxSteps = 8, LogHistory = [Before] }).Evaluation);

    [Fact]
    public void TheLastEvaluation_IsTheResult_WhereTheRunWasStoppedLater() =>
        Assert.Equal(After, new RunSummary(new TrainerState { GlobalStep = 7, MaxSteps = 8, LogHistory = [Before, After] }).Evaluation);
}
