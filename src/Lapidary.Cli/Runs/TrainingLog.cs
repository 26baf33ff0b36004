using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Training;

namespace Lapidary.Cli.Runs;

/// <summary>A run as lines of text: one per log entry, checkpoint and message.</summary>
/// <param name="write">Writes a line.</param>
/// <param name="memory">Allocator whose bytes are shown.</param>
/// <param name="columns">Columns of the screen, where a line shows as much as fits in one row. Null elsewhere: a log has
/// everything.</param>
internal sealed class TrainingLog(Action<string> write, Allocator memory, Func<int>? columns) : ITrainingObserver
{
    private LogEntry? _pending;
    private MemoryUse? _predicted;

    public void OnStart(TrainingPlan plan)
    {
        write($"steps      {plan.TotalSteps} ({plan.StepsPerEpoch} to an epoch of {Amount.Of(plan.Sequences, "row")})"
            + (plan.FirstStep > 0 ? $", going on after step {plan.FirstStep}" : ""));
        string total = ByteSize.Format(plan.Memory.Predicted.TotalBytes);
        write(columns is null
            ? $"memory     {total} predicted: {plan.Memory.Predicted}"
            : $"memory     {total} of {ByteSize.Format(plan.Memory.BudgetBytes)} that a run can take");
        foreach (string note in plan.Memory.Notes()) write($"note       {note}");
        _predicted = plan.Memory.Predicted;
    }

    /// <summary>The memory reaches its peak in the first step. The entry of a step comes before the step's progress, which knows the time
    /// left.</summary>
    public void OnStep(TrainingProgress progress)
    {
        if (_predicted is { } predicted)
        {
            if (columns is null)
            {
                write($"memory     predicted {ByteSize.Format(predicted.TotalBytes)}, measured {ByteSize.Format(memory.PeakBytes)}: "
                    + memory.Describe());
            }

            _predicted = null; // a screen is told the peak at the end
        }

        if (_pending is not { } entry) return;
        _pending = null;
        // The number of each part: parts with a higher number are left out first if space is short.
        write(Fitted(
            ($"step {entry.Step}/{progress.TotalSteps}", 0), ($"epoch {entry.Epoch:F2}", 4), ($"loss {entry.Loss:F4}", 1),
            ($"accuracy {entry.MeanTokenAccuracy:P1}", 2), ($"grad norm {entry.GradNorm:G3}", 5), ($"lr {entry.LearningRate:G3}", 3),
            ($"{entry.TokensPerSecond:F0} tok/s", 6), ($"left {PlainText.Duration(progress.Remaining)}", 7)));
    }

    public void OnLog(LogEntry entry)
    {
        if (entry.EvalLoss is null) _pending = entry;
        else write(Fitted(
            ($"step {entry.Step}", 0), ($"epoch {entry.Epoch:F2}", 3), ($"evaluation loss {entry.EvalLoss:F4}", 1),
            ($"accuracy {entry.EvalMeanTokenAccuracy:P1}", 2),
            (entry.EvalMetricValue is { } value ? $"{entry.EvalMetric} {value:F4}" : "", 0)));
    }

    public void OnCheckpoint(string folder) => write($"saved {folder}");

    public void OnMessage(string message) => write(message);

    private string Fitted(params (string Text, int Order)[] parts)
    {
        int width = columns?.Invoke() ?? int.MaxValue;
        string line = Line(int.MaxValue);
        for (int most = parts.Length - 1; line.Length > width && most > 1; most--) line = Line(most);
        return line;

        string Line(int orders) =>
            string.Join("  ", parts.Where(part => part.Order < orders && part.Text.Length > 0).Select(part => part.Text));
    }
}
