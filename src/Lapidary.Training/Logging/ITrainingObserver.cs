namespace Lapidary.Training;

/// <summary>Receives the progress of a run: the command line's progress bar, TensorBoard, a test. An exception of an observer does not end
/// the run; see <see cref="ObserverGroup"/>.</summary>
public interface ITrainingObserver
{
    /// <summary>Called before the first step.</summary>
    void OnStart(TrainingPlan plan)
    {
    }

    /// <summary>Called after every optimizer step. Among several ranks, new values of a trained embedding or head may still be on their
    /// way: read weights in <see cref="OnCheckpoint"/>.</summary>
    void OnStep(TrainingProgress progress)
    {
    }

    /// <summary>Called after a logged step or an evaluation.</summary>
    void OnLog(LogEntry entry)
    {
    }

    /// <summary>Called after an evaluation whose metric has samples.</summary>
    /// <param name="step">Optimizer steps done.</param>
    /// <param name="samples">Texts of the evaluation.</param>
    void OnSamples(int step, IReadOnlyList<EvaluationSample> samples)
    {
    }

    /// <summary>Called after a checkpoint was saved under its final name.</summary>
    void OnCheckpoint(string folder)
    {
    }

    /// <summary>One line that the user should know.</summary>
    void OnMessage(string message)
    {
    }
}

/// <summary>The plan of a run that is about to start.</summary>
/// <param name="Sequences">Training sequences, after packing.</param>
/// <param name="StepsPerEpoch">Optimizer steps in a pass over the data.</param>
/// <param name="FirstStep">Steps already done, in a resumed run.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="TrainedParameters">Number of trained parameters.</param>
/// <param name="Memory">The planned use of memory.</param>
public sealed record TrainingPlan(
    int Sequences, int StepsPerEpoch, int FirstStep, int TotalSteps, long TrainedParameters, MemoryPlan Memory);

/// <summary>The state of a run after an optimizer step.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="TotalSteps">Of the run.</param>
/// <param name="Epoch">Passes done.</param>
/// <param name="Loss">Of this step, nats per trained token.</param>
/// <param name="LearningRate">Of this step.</param>
/// <param name="TokensPerSecond">Tokens per second in this step.</param>
/// <param name="Remaining">Time left at the average pace so far.</param>
public sealed record TrainingProgress(
    int Step, int TotalSteps, double Epoch, double Loss, double LearningRate, double TokensPerSecond, TimeSpan Remaining);
