using Lapidary.Cli.Cards;

namespace Lapidary.Cli.Scaling;

/// <summary>An optimizer step of a single rank, and the values to exchange.</summary>
/// <param name="Seconds">Its time.</param>
/// <param name="IsEstimate">Whether the time is not measured.</param>
/// <param name="Tokens">Tokens of the step.</param>
/// <param name="LoraValues">Number of trained LoRA values: every rank keeps all of them.</param>
/// <param name="SavedValues">Number of trained values of each module that is saved whole: each rank updates its part of them.</param>
/// <param name="MemoryBytesPerSecond">Speed of the device's memory; null if unknown.</param>
internal sealed record RankStep(
    double Seconds, bool IsEstimate, double Tokens, long LoraValues, IReadOnlyList<long> SavedValues, double? MemoryBytesPerSecond)
{
    /// <summary>fp32.</summary>
    private const int ValueBytes = 4;

    /// <summary>All trained values.</summary>
    public long TrainedValues => LoraValues + SavedValues.Sum();

    /// <summary>Bytes of LoRA's gradients.</summary>
    public long LoraBytes => LoraValues * ValueBytes;

    /// <summary>Bytes of the saved modules' gradients, and of their values.</summary>
    public long SavedBytes => SavedValues.Sum() * ValueBytes;

    /// <summary>The step of several ranks that each do this work.</summary>
    public ScaledStep Across(ExchangeCost cost)
    {
        double saved = MemoryBytesPerSecond is { } speed
            ? SavedValues.Sum(values => StepSpeed.UpdateSeconds(values - PartOf(values, cost.Ranks), speed))
            : 0;
        return new ScaledStep(
            this, cost, cost.AllReduceSeconds(LoraBytes),
            SavedValues.Sum(values => cost.ReduceScatterSeconds(values * ValueBytes)),
            SavedValues.Sum(values => cost.AllGatherSeconds(values * ValueBytes)), saved);
    }

    /// <summary>The largest part.</summary>
    private static long PartOf(long values, int ranks) => (values + ranks - 1) / ranks;
}

/// <summary>An optimizer step of several ranks: each does the work of a single rank, then they exchange; nothing overlaps.</summary>
/// <param name="Alone">The step of a single rank.</param>
/// <param name="Cost">The cost model of the ranks.</param>
/// <param name="AllReduceSeconds">Of LoRA's gradients.</param>
/// <param name="ReduceScatterSeconds">Of the saved modules' gradients.</param>
/// <param name="AllGatherSeconds">Of the saved modules' values.</param>
/// <param name="UpdateSecondsSaved">Saved time of AdamW and norm, for the saved modules' values that other ranks update.</param>
internal sealed record ScaledStep(
    RankStep Alone, ExchangeCost Cost, double AllReduceSeconds, double ReduceScatterSeconds, double AllGatherSeconds,
    double UpdateSecondsSaved)
{
    /// <summary>All exchanges.</summary>
    public double ExchangeSeconds => AllReduceSeconds + ReduceScatterSeconds + AllGatherSeconds;

    /// <summary>The whole step.</summary>
    public double Seconds => Alone.Seconds - UpdateSecondsSaved + ExchangeSeconds;

    /// <summary>Speed per rank as a share of a single rank's; 1 is ideal.</summary>
    public double Efficiency => Alone.Seconds / Seconds;

    /// <summary>Of all ranks.</summary>
    public double TokensPerSecond => Cost.Ranks * Alone.Tokens / Seconds;
}
