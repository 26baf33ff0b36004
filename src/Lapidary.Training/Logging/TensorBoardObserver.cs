using Lapidary.Formats;
using Lapidary.Training.Logging;

namespace Lapidary.Training;

/// <summary>Writes every log entry of a run as TensorBoard scalars, with transformers' tags: train/loss, eval/loss and so on; the samples
/// of evaluations as texts; and, in a run of <see cref="SftTrainer"/>, its settings as hyperparameters.</summary>
/// <param name="folder">The folder of the event files, created if missing. Each observer opens a new file in it.</param>
/// <param name="time">The clock; null for the system clock.</param>
/// <exception cref="LapidaryException">The file cannot be created.</exception>
public sealed class TensorBoardObserver(string folder, TimeProvider? time = null) : ITrainingObserver, IDisposable
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly TensorBoardWriter _writer = new(folder, time ?? TimeProvider.System);

    /// <inheritdoc/>
    public void OnLog(LogEntry entry)
    {
        (string Tag, double? Value)[] scalars =
        [
            ("train/loss", entry.Loss),
            ("train/grad_norm", entry.GradNorm),
            ("train/learning_rate", entry.LearningRate),
            ("train/num_tokens", entry.NumTokens),
            ("train/tokens_per_second", entry.TokensPerSecond),
            ("train/mean_token_accuracy", entry.MeanTokenAccuracy),
            ("eval/loss", entry.EvalLoss),
            ("eval/mean_token_accuracy", entry.EvalMeanTokenAccuracy),
            ($"eval/{entry.EvalMetric}", entry.EvalMetricValue),
            ("train/epoch", entry.Epoch),
        ];
        var measured = scalars.Where(scalar => scalar.Value is not null).Select(scalar => (scalar.Tag, scalar.Value!.Value));
        _writer.Write(entry.Step, [.. measured]);
    }

    /// <inheritdoc/>
    public void OnSamples(int step, IReadOnlyList<EvaluationSample> samples)
    {
        foreach (var (i, sample) in samples.Index()) _writer.WriteText(step, $"samples/{i + 1}", SampleText.Markdown(sample));
    }

    /// <summary>Writes the settings for TensorBoard's HPARAMS view.</summary>
    internal void Begin(IEnumerable<KeyValuePair<string, string>> settings) => Quietly(() => _writer.Write(HParams.Start(settings, Now)));

    /// <summary>Writes the end of the session for the same view.</summary>
    internal void End(bool isComplete) => Quietly(() => _writer.Write(HParams.End(isComplete, Now)));

    private double Now => (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;

    /// <summary>Looking on must not end a run.</summary>
    private static void Quietly(Action write)
    {
        try
        {
            write();
        }
        catch (LapidaryException)
        {
            // The next log entry meets the same error, and ObserverGroup reports it.
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _writer.Dispose();
}
