using Lapidary.Training.Logging;
using Lapidary.Training.Trainer;

namespace Lapidary.Training.Tests;

public class RunLogTests
{
    /// <summary>Values of the metric and losses after the steps 2, 4, ….</summary>
    [Theory]
    [InlineData("checkpoint-6", new[] { 0.0, 3.1, 0, 2.5, 0, 1.8, 0, 1.9 })]
    [InlineData("checkpoint-2", new[] { 0.5, 3.1, 0.5, 3.1, 0, 1.8, 0.25, 1.9 })]
    [InlineData("checkpoint-8", new[] { 0.0, 3.1, 0, 1.5, 0, 1.8, 0.25, 1.9 })]
    public void EqualValues_AreDecidedByTheLoss_AlsoAfterResuming(string best, double[] evaluations)
    {
        for (int resumedAfter = 0; resumedAfter <= evaluations.Length / 2; resumedAfter++)
        {
            var log = NewLog();
            for (int i = 0; i < evaluations.Length / 2; i++)
            {
                if (i == resumedAfter)
                {
                    var state = log.State(2 * i, 8, 1, new SftConfig());
                    log = NewLog();
                    log.Restore(state, new LossMeter());
                }

                int step = 2 * (i + 1);
                var (value, loss) = (evaluations[2 * i], evaluations[(2 * i) + 1]);
                log.AddEvaluation(
                    new LogEntry { Step = step, EvalMetric = "even", EvalMetricValue = value, EvalLoss = loss }, $"checkpoint-{step}");
            }

            Assert.Equal(best, log.BestCheckpoint);
        }
    }

    private static RunLog NewLog() => new(new ObserverGroup(), new TextMetric());
}
