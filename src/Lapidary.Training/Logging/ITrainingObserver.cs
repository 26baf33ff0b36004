namespace Lapidary.Training;

/// <summary>Told how a run goes: the command line's progress bar, TensorBoard, a test. What one throws does not end the run, see
/// <see cref="ObserverGroup"/>.</summary>
public interface ITrainingObserver
{
    /// <summary>Before the first step.</summary>
    void OnStart(TrainingPlan plan)
    {
    }

    /// <summary>After every optimizer step.</summary>
    void OnStep(TrainingProgress progress)
    {
    }

    /// <summary>After a logged step or an evaluation.</summary>
    void OnLog(LogEntry entry)
    {
    }

    /// <summary>After a checkpoint was saved under its final name.</summary>
    void OnCheckpoint(string folder)
    {
    }

    /// <summary>Something the user should know: one line.</summary>
    void OnMessage(string message)
    {
    }
}

/// <summary>What a run is about to do.</summary>
/// <param name="Sequences">Of training data, after packing.</param>
/// <param name="StepsPerEpoch">Optimizer steps to a pass.</param>
/// <param name="FirstStep">Steps already done where a run is resumed.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="TrainedParameters">Values that are trained.</param>
/// <param name="Memory">How it will use memory.</param>
public sealed record TrainingPlan(
    int Sequences, int StepsPerEpoch, int FirstStep, int TotalSteps, long TrainedParameters, MemoryPlan Memory);

/// <summary>Where a run stands after an optimizer step.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="TotalSteps">Of the run.</param>
/// <param name="Epoch">Passes done.</param>
/// <param name="Loss">Of this step, nats per trained token.</param>
/// <param name="LearningRate">Of this step.</param>
/// <param name="TokensPerSecond">Of this step.</param>
/// <param name="Remaining">Time left at the pace so far.</param>
public sealed record TrainingProgress(
    int Step, int TotalSteps, double Epoch, double Loss, double LearningRate, double TokensPerSecond, TimeSpan Remaining);
