namespace Lapidary.Training.Logging;

/// <summary>Reports each optimizer step to an <see cref="IProgress{T}"/>.</summary>
internal sealed class ProgressObserver(IProgress<TrainingProgress> target) : ITrainingObserver
{
    /// <inheritdoc/>
    public void OnStep(TrainingProgress progress) => target.Report(progress);
}
