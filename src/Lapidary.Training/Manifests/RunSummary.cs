using Lapidary.Training.Checkpoints;

namespace Lapidary.Training.Manifests;

/// <summary>The numbers for comparing runs.</summary>
/// <param name="state">The state of the run.</param>
internal sealed class RunSummary(TrainerState state)
{
    /// <summary>Loss of the last logged steps, in nats per trained token; null if none were logged.</summary>
    public double? LastLoss => state.LogHistory.LastOrDefault(entry => entry.Loss is not null)?.Loss;

    /// <summary>Mean loss of all logged steps, each entry weighted by its steps.</summary>
    public double? MeanLoss
    {
        get
        {
            double sum = 0;
            int last = 0;
            foreach (var entry in state.LogHistory.Where(entry => entry.Loss is not null))
            {
                sum += entry.Loss!.Value * (entry.Step - last);
                last = entry.Step;
            }

            return last == 0 ? null : sum / last;
        }
    }

    /// <summary>The evaluation of the weights that the run ended with: of the best checkpoint if they are taken from it, else the last
    /// one, which may be of an earlier step if the run was stopped; null if there was none. That of the model before training counts only
    /// if there was no step.</summary>
    public LogEntry? Evaluation => state.LogHistory.LastOrDefault(entry => entry.EvalLoss is not null && entry.Step == BestStep)
        ?? state.LogHistory.LastOrDefault(entry => entry.EvalLoss is not null && (entry.Step > 0 || state.GlobalStep == 0));

    /// <summary>The step of the best checkpoint if the weights are taken from it; null if they are those of the last step.</summary>
    public int? BestStep => state.LoadedCheckpoint is { } name ? RunNames.StepOf(Path.GetFileName(name)) : null;

    /// <summary>The metric before the first step; null if it was not measured.</summary>
    public double? Before => state.LogHistory.FirstOrDefault(entry => entry is { Step: 0, EvalMetricValue: not null })?.EvalMetricValue;

    /// <summary>Selected entries of the log, at most one a step: the first, the last, all evaluations, and others between them.</summary>
    /// <param name="most">Upper bound on the number of entries.</param>
    public IReadOnlyList<(int Step, double Epoch, double? Loss, double? EvalLoss, double? Metric)> Course(int most)
    {
        var steps = state.LogHistory.GroupBy(entry => entry.Step).OrderBy(group => group.Key)
            .Select(group => (group.Key, group.First().Epoch, group.Select(entry => entry.Loss).FirstOrDefault(loss => loss is not null),
                group.Select(entry => entry.EvalLoss).FirstOrDefault(loss => loss is not null),
                group.Select(entry => entry.EvalMetricValue).FirstOrDefault(value => value is not null)))
            .ToArray();
        if (steps.Length <= most) return steps;
        var evaluated = steps.Where(step => step.Item4 is not null).ToArray();
        return evaluated.Length >= most / 2 ? Spread(evaluated, most) : Spread(steps, most);

        static T[] Spread<T>(T[] all, int most) => all.Length <= most
            ? all
            : [.. Enumerable.Range(0, most).Select(i => all[(int)((long)i * (all.Length - 1) / (most - 1))])];
    }
}
