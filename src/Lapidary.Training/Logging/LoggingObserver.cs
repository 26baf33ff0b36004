using Microsoft.Extensions.Logging;

namespace Lapidary.Training;

/// <summary>Writes the progress of a run to an <see cref="ILogger"/>: start, log entries, evaluations, checkpoints and messages as
/// information or warnings, each optimizer step at level Trace.</summary>
/// <param name="logger">The logger. Combine several observers with <see cref="ObserverGroup"/>.</param>
public sealed partial class LoggingObserver(ILogger logger) : ITrainingObserver
{
    private const string Warning = "warning: ";

    private readonly ILogger _logger = logger ?? throw new ArgumentNullException(nameof(logger));

    /// <inheritdoc/>
    public void OnStart(TrainingPlan plan) =>
        Started(plan.FirstStep, plan.TotalSteps, plan.Sequences, plan.TrainedParameters);

    /// <inheritdoc/>
    public void OnStep(TrainingProgress progress)
    {
        if (_logger.IsEnabled(LogLevel.Trace)) Step(progress.Step, progress.TotalSteps, progress.Loss);
    }

    /// <inheritdoc/>
    public void OnLog(LogEntry entry)
    {
        if (entry is { EvalLoss: { } evaluated, EvalMetricValue: { } value })
            Measured(entry.Step, evaluated, entry.EvalMeanTokenAccuracy ?? 0, entry.EvalMetric!, value);
        else if (entry.EvalLoss is { } loss) Evaluated(entry.Step, loss, entry.EvalMeanTokenAccuracy ?? 0);
        else Logged(entry.Step, entry.Epoch, entry.Loss ?? 0, entry.LearningRate ?? 0, entry.TokensPerSecond ?? 0);
    }

    /// <inheritdoc/>
    public void OnCheckpoint(string folder) => Saved(folder);

    /// <inheritdoc/>
    public void OnMessage(string message)
    {
        if (message.StartsWith(Warning, StringComparison.Ordinal)) Warned(message[Warning.Length..]);
        else Told(message);
    }

    [LoggerMessage(1, LogLevel.Information,
        "Training from step {FirstStep} to {TotalSteps}: {Sequences} sequences, {TrainedParameters} trained values")]
    private partial void Started(int firstStep, int totalSteps, int sequences, long trainedParameters);

    [LoggerMessage(2, LogLevel.Trace, "Step {Step} of {TotalSteps}: loss {Loss}", SkipEnabledCheck = true)]
    private partial void Step(int step, int totalSteps, double loss);

    [LoggerMessage(3, LogLevel.Information,
        "Step {Step}: epoch {Epoch:F2}, loss {Loss:F4}, learning rate {LearningRate:G3}, {TokensPerSecond:F0} tokens per second")]
    private partial void Logged(int step, double epoch, double loss, double learningRate, double tokensPerSecond);

    [LoggerMessage(4, LogLevel.Information, "Evaluation after step {Step}: loss {EvalLoss:F4}, token accuracy {EvalMeanTokenAccuracy:P1}")]
    private partial void Evaluated(int step, double evalLoss, double evalMeanTokenAccuracy);

    [LoggerMessage(8, LogLevel.Information,
        "Evaluation after step {Step}: loss {EvalLoss:F4}, token accuracy {EvalMeanTokenAccuracy:P1}, {EvalMetric} {EvalMetricValue:F4}")]
    private partial void Measured(int step, double evalLoss, double evalMeanTokenAccuracy, string evalMetric, double evalMetricValue);

    [LoggerMessage(5, LogLevel.Information, "Checkpoint saved: {Folder}")]
    private partial void Saved(string folder);

    [LoggerMessage(6, LogLevel.Information, "{Message}")]
    private partial void Told(string message);

    [LoggerMessage(7, LogLevel.Warning, "{Message}")]
    private partial void Warned(string message);
}
