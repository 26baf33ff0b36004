using Lapidary.Cli.Cards;
using Lapidary.Cli.Runs;
using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Cli.Scaling;

/// <summary>Estimates the time of an optimizer step on an H100.</summary>
internal static class StepEstimate
{
    /// <summary>The part of 3.35 TB/s that AdamW and other memory-bound work reach.</summary>
    public static double MemoryBytesPerSecond => StepSpeed.H100.BytesPerSecond;

    /// <summary>The estimate is for an H100.</summary>
    private static readonly ComputeCapability Hopper = new(9, 0);

    /// <summary>Seconds of one rank's step; null unless the device is an H100 or H200. A GPU that does not exist here is planned as
    /// one.</summary>
    /// <param name="planned">The step.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="tokens">Of the step.</param>
    public static double? Seconds(PlannedRun planned, GemmaConfig sizes, double tokens) =>
        planned.Gpu == Hopper
            ? StepSpeed.H100.Seconds(sizes, planned.Memory, tokens, planned.TrainsLayers, planned.TrainsHead)
                + StepSpeed.UpdateSeconds(planned.LoraValues + planned.SavedValues.Sum(), MemoryBytesPerSecond)
            : null;
}
