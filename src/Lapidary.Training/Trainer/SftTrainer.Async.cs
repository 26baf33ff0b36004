using Lapidary.Formats;
using Lapidary.Training.Logging;

namespace Lapidary.Training;

/// <content>The run as a task.</content>
public sealed partial class SftTrainer
{
    private int _isRunning;

    /// <summary>Trains like <see cref="Train(string?, CancellationToken)"/> without blocking the caller's thread.</summary>
    /// <remarks>The run gets a dedicated thread, because it computes all the time and never waits. It takes no thread from the
    /// pool.</remarks>
    /// <param name="resumeFrom">A checkpoint folder to resume from, <see cref="LatestCheckpoint"/>, or null to start over.</param>
    /// <param name="progress">Receives every optimizer step.</param>
    /// <param name="cancellationToken">Ends the run early: the current step is finished, a checkpoint is saved, and the task is cancelled.
    /// <see cref="LatestCheckpoint"/> resumes from it.</param>
    /// <returns>The state at the end of the whole run.</returns>
    /// <exception cref="OperationCanceledException">The run was cancelled; its checkpoint is in the output folder.</exception>
    /// <exception cref="LapidaryException">See <see cref="Train(string?, CancellationToken)"/>.</exception>
    /// <exception cref="InvalidOperationException">This trainer is already training.</exception>
    public Task<TrainerState> TrainAsync(
        string? resumeFrom = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Interlocked.Exchange(ref _isRunning, 1) == 1)
            throw new InvalidOperationException("This trainer trains already; wait for its task to end.");
        return OnItsOwnThread();

        async Task<TrainerState> OnItsOwnThread() => await Task.Factory.StartNew(
            TrainToTheEnd, CancellationToken.None, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach,
            TaskScheduler.Default).ConfigureAwait(false);

        TrainerState TrainToTheEnd()
        {
            var told = _observer;
            try
            {
                if (progress is not null) _observer = new ObserverGroup(told, new ProgressObserver(progress));
                var state = Train(resumeFrom, cancellationToken);
                return IsComplete
                    ? state
                    : throw new OperationCanceledException(
                        $"The run was cancelled after step {state.GlobalStep} of {TotalSteps}; its checkpoint is in {_config.OutputDir}.",
                        cancellationToken);
            }
            finally
            {
                _observer = told;
                Volatile.Write(ref _isRunning, 0);
            }
        }
    }
}
