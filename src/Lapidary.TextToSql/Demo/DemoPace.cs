using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.TextToSql.Demo;

/// <summary>How many optimizer steps a machine does in the time that a demonstration may take.</summary>
internal sealed class DemoPace(TimeProvider time) : ITrainingObserver
{
    /// <summary>The first of these steps includes what happens once, and does not count.</summary>
    private const int TrialSteps = 13;

    /// <summary>Fewer would show nothing; more would bring little.</summary>
    private const int LeastSteps = 240, MostSteps = 1200;

    private static readonly TimeSpan TrainingTime = TimeSpan.FromSeconds(75);

    private long _first, _last;

    /// <summary>Tries a few steps, and forgets them.</summary>
    /// <param name="model">The base, without an adapter before and after.</param>
    /// <param name="encoder">Its tokenizer and template.</param>
    /// <param name="train">The rows.</param>
    /// <param name="config">The options of the run.</param>
    /// <param name="lora">The adapter's settings.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the trial.</param>
    public static int Steps(
        GemmaModel model, GemmaTextEncoder encoder, DataSet train, SftConfig config, LoraConfig lora, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var pace = new DemoPace(time);
        string folder = config.OutputDir + "-trial";
        try
        {
            var trial = config with { OutputDir = folder, MaxSteps = TrialSteps, ReportTo = ReportTo.None };
            using var trainer = SftTrainer.Create(model, encoder, train, trial, lora, observer: pace);
            trainer.Train(cancellationToken: cancellationToken);
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }

        cancellationToken.ThrowIfCancellationRequested();
        var step = time.GetElapsedTime(pace._first, pace._last) / (TrialSteps - 1);
        return step <= TimeSpan.Zero ? MostSteps : (int)Math.Clamp(TrainingTime / step, LeastSteps, MostSteps);
    }

    /// <inheritdoc/>
    public void OnStep(TrainingProgress progress)
    {
        _last = time.GetTimestamp();
        if (_first == 0) _first = _last;
    }
}
