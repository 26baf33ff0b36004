using System.Diagnostics;
using Lapidary.Formats;

namespace Lapidary.Training;

/// <summary>Several observers as one, told in order. Looking on must not end a run: one that throws is told nothing more, and the others
/// get a message that says so (with none left, <see cref="Trace"/> does).</summary>
/// <remarks>An <see cref="OperationCanceledException"/> passes through: with it, an observer ends the run at once, without a checkpoint. To
/// end the run with a checkpoint, cancel the token that the trainer was given.</remarks>
public sealed class ObserverGroup(params IReadOnlyList<ITrainingObserver> observers) : ITrainingObserver
{
    private readonly List<ITrainingObserver> _observers = [.. observers];

    /// <inheritdoc/>
    public void OnStart(TrainingPlan plan) => Tell(static (observer, plan) => observer.OnStart(plan), plan);

    /// <inheritdoc/>
    public void OnStep(TrainingProgress progress) => Tell(static (observer, progress) => observer.OnStep(progress), progress);

    /// <inheritdoc/>
    public void OnLog(LogEntry entry) => Tell(static (observer, entry) => observer.OnLog(entry), entry);

    /// <inheritdoc/>
    public void OnSamples(int step, IReadOnlyList<EvaluationSample> samples) =>
        Tell(static (observer, of) => observer.OnSamples(of.step, of.samples), (step, samples));

    /// <inheritdoc/>
    public void OnCheckpoint(string folder) => Tell(static (observer, folder) => observer.OnCheckpoint(folder), folder);

    /// <inheritdoc/>
    public void OnMessage(string message) => Tell(static (observer, message) => observer.OnMessage(message), message);

    private void Tell<T>(Action<ITrainingObserver, T> tell, T what)
    {
        List<string>? warnings = null;
        for (int i = 0; i < _observers.Count; i++)
        {
            var observer = _observers[i];
            try
            {
                tell(observer, what);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                _observers.RemoveAt(i--);
                string why = e is LapidaryException ? e.Message : $"{e.GetType().Name}: {Printable.Line(e.Message)}";
                (warnings ??= []).Add($"warning: {observer.GetType().Name} is told nothing more, the run goes on ({why})");
            }
        }

        foreach (string warning in warnings ?? [])
        {
            if (_observers.Count == 0) Trace.TraceWarning(warning);
            else OnMessage(warning);
        }
    }
}
