using Lapidary.Cli.Output;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Training;

namespace Lapidary.Cli.Runs;

/// <summary>A run as lines of text: one per log entry, checkpoint and message.</summary>
/// <param name="write">Writes a line.</param> <param name="memory">Whose bytes are shown.</param>
internal sealed class TrainingLog(Action<string> write, Allocator memory) : ITrainingObserver
{
    private LogEntry? _pending;
    private MemoryUse? _predicted;

    public void OnStart(TrainingPlan plan)
    {
        write($"steps      {plan.TotalSteps} ({plan.StepsPerEpoch} to an epoch of {plan.Sequences} rows)"
            + (plan.FirstStep > 0 ? $", going on after step {plan.FirstStep}" : ""));
        write($"memory     {ByteSize.Format(plan.Memory.Predicted.TotalBytes)} predicted: {plan.Memory.Predicted}");
        foreach (string note in plan.Memory.Notes()) write($"note       {note}");
        _predicted = plan.Memory.Predicted;
    }

    /// <summary>After the first step the memory has reached its peak. The entry of a step comes before the step's progress, which knows the
    /// time left.</summary>
    public void OnStep(TrainingProgress progress)
    {
        if (_predicted is { } predicted)
        {
            write($"memory     predicted {ByteSize.Format(predicted.TotalBytes)}, measured {ByteSize.Format(memory.PeakBytes)}: "
                + memory.Describe());
            _predicted = null;
        }

        if (_pending is not { } entry) return;
        _pending = null;
        write($"step {entry.Step}/{progress.TotalSteps}  epoch {entry.Epoch:F2}  loss {entry.Loss:F4}  "
            + $"accuracy {entry.MeanTokenAccuracy:P1}  grad norm {entry.GradNorm:G3}  lr {entry.LearningRate:G3}  "
            + $"{entry.TokensPerSecond:F0} tok/s  left {PlainText.Duration(progress.Remaining)}");
    }

    public void OnLog(LogEntry entry)
    {
        if (entry.EvalLoss is null) _pending = entry;
        else write($"step {entry.Step}  epoch {entry.Epoch:F2}  evaluation loss {entry.EvalLoss:F4}  "
            + $"accuracy {entry.EvalMeanTokenAccuracy:P1}");
    }

    public void OnCheckpoint(string folder) => write($"saved {folder}");

    public void OnMessage(string message) => write(message);
}
