using System.Text.Json;
using Lapidary.Cli.Output;
using Lapidary.Formats;
using Lapidary.Training;
using Lapidary.Training.Manifests;

namespace Lapidary.Cli.Runs;

/// <summary>The result of a run.</summary>
/// <param name="OutputDir">Its folder.</param>
/// <param name="State">The final state.</param>
/// <param name="IsComplete">Whether the run is complete.</param>
/// <param name="Tokens">Tokens of this process, without those before it resumed.</param>
/// <param name="Elapsed">Time of training and evaluating.</param>
/// <param name="PeakBytes">Peak memory of the backend.</param>
/// <param name="PredictedBytes">Peak memory predicted by the plan.</param>
internal sealed record TrainResult(
    string OutputDir, TrainerState State, bool IsComplete, long Tokens, TimeSpan Elapsed, long PeakBytes, long PredictedBytes)
{
    /// <summary>The repository that it was pushed to, or null.</summary>
    public RunPush? Push { get; init; }

    /// <summary>Whether the run was stopped before its end.</summary>
    public bool WasInterrupted => !IsComplete;

    private double TokensPerSecond => State.TrainingTime > TimeSpan.Zero ? Tokens / State.TrainingTime.TotalSeconds : 0;

    private double? TrainLoss => new RunSummary(State).MeanLoss;

    private LogEntry? Evaluation => new RunSummary(State).Evaluation;

    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteString("output_dir", OutputDir);
        json.WriteNumber("global_step", State.GlobalStep);
        json.WriteFinite("train_loss", TrainLoss);
        json.WriteFinite("eval_loss", Evaluation?.EvalLoss);
        if (Evaluation is { } evaluation) json.WriteNumber("eval_step", evaluation.Step);
        if (State.LoadedCheckpoint is { } loaded) json.WriteString("loaded_checkpoint", loaded);
        if (Evaluation?.EvalMetric is { } metric)
        {
            json.WriteFinite($"eval_{metric}_before", new RunSummary(State).Before);
            json.WriteFinite($"eval_{metric}", Evaluation.EvalMetricValue);
        }

        if (State.LossScale is var (exponent, _, repeatedSteps))
        {
            json.WriteNumber("loss_scale_exponent", exponent);
            json.WriteNumber("repeated_steps", repeatedSteps);
        }

        json.WriteNumber("tokens", Tokens);
        json.WriteFinite("seconds", Elapsed.TotalSeconds);
        json.WriteNumber("tokens_per_second", TokensPerSecond);
        json.WriteNumber("peak_bytes", PeakBytes);
        json.WriteNumber("predicted_bytes", PredictedBytes);
        json.WriteBoolean("interrupted", WasInterrupted);
        Push?.WriteTo(json);
    }

    /// <summary>Shows the result to people.</summary>
    /// <param name="people">The output.</param>
    /// <param name="next">Suggestions for the next step, as command lines.</param>
    /// <param name="isAskedOfTrained">Whether they ask a row that the run has trained on, which it may know by heart.</param>
    public void Show(TextWriter people, IReadOnlyList<string> next, bool isAskedOfTrained)
    {
        string of = State.LoadedCheckpoint is { } name ? $" ({name})"
            : Evaluation is { } last && last.Step != State.GlobalStep ? $" (after step {last.Step})" : "";
        people.WriteLine($"{(WasInterrupted ? "stopped" : "done"),-10} {Amount.Of(State.GlobalStep, "step")}"
            + (TrainLoss is { } mean ? $", mean loss {mean:F4}" : "")
            + (Evaluation?.EvalLoss is { } loss ? $", evaluation loss {loss:F4}{of}" : "")
            + (IsComplete && Tokens == 0
                ? "; nothing was left to train"
                : $"; {Amount.Of(Tokens, "token")} in {PlainText.Duration(Elapsed)} ({TokensPerSecond:F0} per second of training), "
                    + $"peak memory {ByteSize.Format(PeakBytes)}"));
        if (Evaluation is { EvalMetric: { } metric, EvalMetricValue: var after })
        {
            people.WriteLine($"{"metric",-10} {metric}: "
                + (new RunSummary(State).Before is { } before ? $"{before:F4} before, {after:F4} after" : $"{after:F4}") + of);
        }

        if (State.LossScale is var (exponent, _, repeatedSteps))
        {
            people.WriteLine($"{"loss scale",-10} 2^{exponent} at the end; "
                + (repeatedSteps == 0 ? "no step was" : Amount.Of(repeatedSteps, "step was", "steps were")) + " run again");
        }

        Push?.Show(people);
        if (isAskedOfTrained)
        {
            people.WriteLine("note       there is no evaluation set, so the line below asks a row that was trained on; --test-size keeps "
                + "some.");
        }

        NextSteps.Show(people, next);
    }
}
