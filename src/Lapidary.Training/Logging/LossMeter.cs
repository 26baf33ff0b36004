using System.Text.Json.Serialization;

namespace Lapidary.Training.Logging;

/// <summary>Sums since the last log entry. They are part of a checkpoint, so that a resumed run logs the same numbers.</summary>
internal sealed class LossMeter
{
    /// <summary>Sum of the losses of whole optimizer steps, each in nats per trained token.</summary>
    public double LossSum { get; set; }

    /// <summary>Optimizer steps.</summary>
    public int Steps { get; set; }

    /// <summary>Trained tokens whose label had the largest logit.</summary>
    public long Hits { get; set; }

    /// <summary>Trained tokens.</summary>
    public long TrainedTokens { get; set; }

    /// <summary>Mean loss of the steps, as transformers logs it.</summary>
    [JsonIgnore]
    public double Loss => LossSum / Math.Max(1, Steps);

    /// <summary>Share of trained tokens that were hit.</summary>
    [JsonIgnore]
    public double Accuracy => (double)Hits / Math.Max(1, TrainedTokens);

    /// <summary>Counts one more optimizer step.</summary>
    public void Add(double loss, long hits, long trainedTokens)
    {
        LossSum += loss;
        Steps++;
        Hits += hits;
        TrainedTokens += trainedTokens;
    }

    /// <summary>Clears all sums.</summary>
    public void Reset() => (LossSum, Steps, Hits, TrainedTokens) = (0, 0, 0, 0);
}
