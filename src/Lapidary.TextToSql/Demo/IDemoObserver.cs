using Lapidary.Formats;
using Lapidary.Training;

namespace Lapidary.TextToSql;

/// <summary>Receives the progress of the demonstration; training itself reports through <see cref="ITrainingObserver"/>.</summary>
public interface IDemoObserver : ITrainingObserver
{
    /// <summary>Called when a step begins.</summary>
    void OnDemoStep(DemoStep step);

    /// <summary>Called with a result of the step: one or more lines.</summary>
    void OnResult(string text);

    /// <summary>Called during work that takes long, except training.</summary>
    void OnWork(WorkProgress progress)
    {
    }
}

/// <summary>A step of the demonstration.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Title">A word or two.</param>
/// <param name="Explanation">The step's task.</param>
/// <param name="Command">The command line that does the same; null if none does.</param>
public sealed record DemoStep(int Number, string Title, string Explanation, string? Command);
