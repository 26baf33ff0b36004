using System.Globalization;

namespace Lapidary.Training;

/// <summary>Rows of an optimizer step over all ranks.</summary>
/// <param name="PerDevice">Rows of a micro-batch.</param>
/// <param name="Accumulation">Micro-batches of a rank.</param>
/// <param name="Ranks">How many train together.</param>
public sealed record EffectiveBatch(int PerDevice, int Accumulation, int Ranks)
{
    /// <summary>Their number.</summary>
    public int Rows => (int)Math.Min((long)PerDevice * Accumulation * Ranks, int.MaxValue);

    /// <summary>"effective batch 8 = 2 per device × 2 accumulation × 2 ranks".</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"effective batch {Rows} = {PerDevice} per device × {Accumulation} accumulation{(Ranks == 1 ? "" : $" × {Ranks} ranks")}");

    internal static EffectiveBatch Of(SftConfig config, int worldSize) =>
        new(config.PerDeviceTrainBatchSize, config.GradientAccumulationSteps, worldSize);
}
