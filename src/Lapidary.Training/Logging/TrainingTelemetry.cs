using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Lapidary.Training.Logging;

/// <summary>The metrics and spans of a run for OpenTelemetry and other listeners of System.Diagnostics: a meter and an activity source,
/// both named Lapidary.Training. Without a listener, nothing is measured or allocated.</summary>
internal static class TrainingTelemetry
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "Lapidary.Training";

    private const string RunTag = "lapidary.training.run";

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);

    private static readonly Gauge<double> Loss = Meter.CreateGauge<double>(
        "lapidary.training.loss", "{nat}", "Loss of the last optimizer step, per trained token.");

    private static readonly Gauge<double> EvalLoss = Meter.CreateGauge<double>(
        "lapidary.training.eval.loss", "{nat}", "Loss of the last evaluation, per trained token.");

    private static readonly Gauge<double> LearningRate = Meter.CreateGauge<double>(
        "lapidary.training.learning_rate", "1", "Learning rate of the last optimizer step.");

    private static readonly Gauge<double> GradNorm = Meter.CreateGauge<double>(
        "lapidary.training.grad_norm", "1", "Norm of the gradients of the last optimizer step, before clipping.");

    private static readonly Gauge<double> TokensPerSecond = Meter.CreateGauge<double>(
        "lapidary.training.tokens_per_second", "{token}/s", "Speed of the last optimizer step.");

    private static readonly Counter<long> Tokens = Meter.CreateCounter<long>(
        "lapidary.training.tokens", "{token}", "Tokens that went through the model in optimizer steps.");

    private static readonly Counter<long> Steps = Meter.CreateCounter<long>(
        "lapidary.training.steps", "{step}", "Optimizer steps.");

    /// <summary>The span of a run; null without a listener.</summary>
    /// <param name="model">Name of the base model.</param>
    /// <param name="run">The name of the run's folder.</param>
    /// <param name="totalSteps">Optimizer steps of the whole run.</param>
    public static Activity? Start(string model, string run, int totalSteps)
    {
        var activity = Source.StartActivity($"train {model}");
        activity?.SetTag("gen_ai.request.model", model).SetTag(RunTag, run).SetTag("lapidary.training.total_steps", totalSteps);
        return activity;
    }

    /// <summary>Ends the span of a run that failed.</summary>
    public static void Fail(Activity? activity, Exception error)
    {
        activity?.SetTag("error.type", error.GetType().FullName).SetStatus(ActivityStatusCode.Error, error.Message);
    }

    /// <summary>Records an optimizer step.</summary>
    public static void OnStep(TrainingProgress progress, long tokens, float gradNorm, string run)
    {
        var tag = new KeyValuePair<string, object?>(RunTag, run);
        Loss.Record(progress.Loss, tag);
        LearningRate.Record(progress.LearningRate, tag);
        GradNorm.Record(gradNorm, tag);
        TokensPerSecond.Record(progress.TokensPerSecond, tag);
        Tokens.Add(tokens, tag);
        Steps.Add(1, tag);
    }

    /// <summary>Records an evaluation.</summary>
    public static void OnEvaluation(double loss, string run) => EvalLoss.Record(loss, new KeyValuePair<string, object?>(RunTag, run));

    /// <summary>Records a saved checkpoint.</summary>
    public static void OnCheckpoint(string folder, int step) => Activity.Current?.AddEvent(new ActivityEvent(
        "checkpoint", tags: new() { { "lapidary.training.step", step }, { "lapidary.training.checkpoint", Path.GetFileName(folder) } }));
}
