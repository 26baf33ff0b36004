using Lapidary.Training;

namespace Lapidary.TextToSql;

/// <summary>Told how the demonstration goes; training itself reports through <see cref="ITrainingObserver"/>.</summary>
public interface IDemoObserver : ITrainingObserver
{
    /// <summary>A step begins.</summary>
    void OnDemoStep(DemoStep step);

    /// <summary>What came out of the step: one or more lines.</summary>
    void OnResult(string text);
}

/// <summary>A step of the demonstration.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Title">A word or two.</param>
/// <param name="Explanation">What it does.</param>
/// <param name="Command">The command line that does the same, null where there is none.</param>
public sealed record DemoStep(int Number, string Title, string Explanation, string? Command);
