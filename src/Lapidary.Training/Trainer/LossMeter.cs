using System.Text.Json.Serialization;

namespace Lapidary.Training;

/// <summary>What was measured since the last log entry; part of a checkpoint, so that a resumed run logs the same numbers.</summary>
public sealed record LossMeter
{
    /// <summary>Sum of the losses of whole optimizer steps, each in nats per trained token.</summary>
    public double LossSum { get; init; }

    /// <summary>Optimizer steps.</summary>
    public int Steps { get; init; }

    /// <summary>Trained tokens whose label had the largest logit.</summary>
    public long Hits { get; init; }

    /// <summary>Trained tokens.</summary>
    public long TrainedTokens { get; init; }

    /// <summary>Mean loss of the steps, as transformers logs it.</summary>
    [JsonIgnore]
    public double Loss => LossSum / Math.Max(1, Steps);

    /// <summary>Share of trained tokens that were hit.</summary>
    [JsonIgnore]
    public double Accuracy => (double)Hits / Math.Max(1, TrainedTokens);

    /// <summary>The meter after one more step.</summary>
    public LossMeter Add(double loss, long hits, long trainedTokens) => this with
    {
        LossSum = LossSum + loss,
        Steps = Steps + 1,
        Hits = Hits + hits,
        TrainedTokens = TrainedTokens + trainedTokens,
    };
}
