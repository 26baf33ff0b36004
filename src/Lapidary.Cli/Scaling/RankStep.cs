using Lapidary.Cli.Cards;
using Lapidary.Gemma;

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

    /// <summary>What a share of a gather costs although it goes on beside products: both use the device's memory. Measured on two H200,
    /// 3 to 30 % of the gather's time.</summary>
    private const double BesideShare = 0.15;

    /// <summary>The trained tables of token ids among the saved modules; null if there are none.</summary>
    public TokenTables? Tables { get; init; }

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
        var step = new ScaledStep(
            this, cost, cost.AllReduceSeconds(LoraBytes),
            SavedValues.Sum(values => cost.ReduceScatterSeconds(values * ValueBytes)),
            SavedValues.Sum(values => cost.AllGatherSeconds(values * ValueBytes)), saved);
        if (!cost.GathersBeside || Tables is not { } tables) return step;
        double layers = tables.ForwardShare * Math.Max(0, Seconds - UpdateSeconds);
        double beside = Math.Min(layers, cost.AllGatherSeconds(tables.Values * ValueBytes));
        return step with
        {
            HiddenSeconds = (1 - BesideShare) * beside,
            FetchSeconds = cost.AllGatherSeconds((long)(Tokens * tables.Columns) * ValueBytes),
        };
    }

    /// <summary>Norm and AdamW of all trained values; 0 if the memory's speed is unknown.</summary>
    public double UpdateSeconds => MemoryBytesPerSecond is { } speed ? StepSpeed.UpdateSeconds(TrainedValues, speed) : 0;

    /// <summary>The largest part.</summary>
    private static long PartOf(long values, int ranks) => (values + ranks - 1) / ranks;
}

/// <summary>Trained tables of token ids, whose values a step reads late: a few rows before its layers, and all in the head.</summary>
/// <param name="Values">Number of their values.</param>
/// <param name="Columns">Values of a row.</param>
/// <param name="ForwardShare">Share of the first layers' forward pass in a step without its update.</param>
internal sealed record TokenTables(long Values, int Columns, double ForwardShare)
{
    /// <summary>The tables of a model; null if none is trained.</summary>
    /// <param name="values">Number of their values.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="trainsLayers">Whether the layers' matrices are trained.</param>
    /// <param name="runs">Times that a step goes through the model; a gather ends in the first one's head.</param>
    public static TokenTables? Of(long values, GemmaConfig sizes, bool trainsLayers, int runs) =>
        values == 0 ? null : new(values, sizes.HiddenSize, StepSpeed.ForwardShare(sizes, trainsLayers) / runs);
}

/// <summary>An optimizer step of several ranks: each does the work of a single rank, then they exchange. Nothing overlaps but the gather of
/// tables between ranks that read each other's memory.</summary>
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
    /// <summary>The part of the gather that goes on beside the next step's layers, and costs nothing.</summary>
    public double HiddenSeconds { get; init; }

    /// <summary>Of the rows of the next step's tokens, before its layers; 0 if no gather goes on beside them.</summary>
    public double FetchSeconds { get; init; }

    /// <summary>What all exchanges add to a step.</summary>
    public double ExchangeSeconds => AllReduceSeconds + ReduceScatterSeconds + AllGatherSeconds - HiddenSeconds + FetchSeconds;

    /// <summary>The whole step.</summary>
    public double Seconds => Alone.Seconds - UpdateSecondsSaved + ExchangeSeconds;

    /// <summary>Speed per rank as a share of a single rank's; 1 is ideal.</summary>
    public double Efficiency => Alone.Seconds / Seconds;

    /// <summary>Of all ranks.</summary>
    public double TokensPerSecond => Cost.Ranks * Alone.Tokens / Seconds;
}
