namespace Lapidary.Training;

/// <summary>Several observers as one, told in order.</summary>
public sealed class ObserverGroup(params IReadOnlyList<ITrainingObserver> observers) : ITrainingObserver
{
    /// <inheritdoc/>
    public void OnStart(TrainingPlan plan)
    {
        foreach (var observer in observers) observer.OnStart(plan);
    }

    /// <inheritdoc/>
    public void OnStep(TrainingProgress progress)
    {
        foreach (var observer in observers) observer.OnStep(progress);
    }

    /// <inheritdoc/>
    public void OnLog(LogEntry entry)
    {
        foreach (var observer in observers) observer.OnLog(entry);
    }

    /// <inheritdoc/>
    public void OnCheckpoint(string folder)
    {
        foreach (var observer in observers) observer.OnCheckpoint(folder);
    }

    /// <inheritdoc/>
    public void OnMessage(string message)
    {
        foreach (var observer in observers) observer.OnMessage(message);
    }
}
