using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Training.Steps;

namespace Lapidary.Training.Checkpoints;

/// <summary>The room on the disk that a run needs, checked before its first step: with all weights, a checkpoint is many times the
/// model.</summary>
/// <param name="CheckpointBytes">Bytes of a checkpoint.</param>
/// <param name="ResultBytes">Bytes of the result.</param>
/// <param name="Saves">Checkpoints that the run is still to save.</param>
/// <param name="Limit">Checkpoints kept; 0 for all.</param>
internal sealed record RunRoom(long CheckpointBytes, long ResultBytes, int Saves, int Limit)
{
    /// <summary>Values of a moment are fp32, and there are two for each weight.</summary>
    private const int MomentBytes = 2 * sizeof(float);

    /// <summary>More checkpoints than most people expect of a run.</summary>
    private const int ManySaves = 20;

    /// <summary>Bytes that the run takes at its end or before, while a checkpoint is written beside those that are kept.</summary>
    public long MostBytes => ResultBytes + CheckpointBytes * (Limit > 0 ? Math.Min(Saves, Limit + 1L) : Saves);

    /// <summary>Says how much many checkpoints take together; null for few.</summary>
    private string? ManyNote => Limit > 0 || Saves <= ManySaves ? null
        : $"note: this run will keep {Saves} checkpoints of {ByteSize.Format(CheckpointBytes)}; SaveTotalLimit keeps the newest alone.";

    /// <summary>Bytes without which the run cannot save its work even once.</summary>
    private long LeastBytes => Saves > 0 ? Math.Max(CheckpointBytes, ResultBytes) : ResultBytes;

    /// <summary>The room for a run, as far as it is known: without files of a few kilobytes, logs and tokenizer.</summary>
    /// <param name="weights">What is trained.</param>
    /// <param name="model">The base.</param>
    /// <param name="config">Options.</param>
    /// <param name="schedule">The run's steps.</param>
    /// <param name="done">Steps already done.</param>
    public static RunRoom Of(TrainedWeights weights, GemmaModel model, SftConfig config, BatchSchedule schedule, int done) => new(
        weights.BytesToSave(model, isCheckpoint: true) + weights.ParameterCount * MomentBytes,
        weights.BytesToSave(model, isCheckpoint: false), schedule.CountDue(config.SaveStrategy, config.SaveSteps, after: done),
        config.SaveTotalLimit);

    /// <summary>Refuses a run that can save nothing, and tells of one whose checkpoints will fill the disk, or are many.</summary>
    /// <param name="folder">The run's folder.</param>
    /// <param name="freeBytes">Free bytes of its disk; null if it does not say.</param>
    /// <returns>A message for the user, or null.</returns>
    /// <exception cref="LapidaryException">There is not room enough.</exception>
    public string? Check(string folder, long? freeBytes)
    {
        if (freeBytes is not { } free || free >= MostBytes) return ManyNote;
        string checkpoint = $"a checkpoint (weights and moments) takes {ByteSize.Format(CheckpointBytes)} and the result "
            + $"{ByteSize.Format(ResultBytes)}, ";
        if (free < LeastBytes)
        {
            string what = Saves > 0 ? checkpoint : $"the result takes {ByteSize.Format(ResultBytes)}, ";
            string text = $"{folder}: {what}{ByteSize.Format(free)} are free on this disk; free some space, or choose an OutputDir on "
                + "another disk.";
            throw new LapidaryException(text);
        }

        return $"warning: {folder}: {checkpoint}{ByteSize.Format(free)} are free on this disk, and the run will "
            + $"take {ByteSize.Format(MostBytes)}; free some space, "
            + "choose another OutputDir, or keep fewer checkpoints (SaveTotalLimit, SaveSteps).";
    }
}
