using Lapidary.Cli.Runs;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Scaling;

/// <summary>Estimates the time of an optimizer step on an H100 from its operations and bytes; mostly too short, see
/// docs/scale.md.</summary>
/// <remarks>Constants are of the steps in docs/benchmarks.md: large products run at some 690 of 989 TFLOP/s; a layer moves the activations
/// of some 33 intermediate sizes per token, forward and backward; a layer's kernels take 0.2 ms at the least.</remarks>
internal static class StepEstimate
{
    /// <summary>The part of 3.35 TB/s that AdamW and other memory-bound work reach.</summary>
    public const double MemoryBytesPerSecond = 3.0e12;

    private const double OperationsPerSecond = 690e12, LayerSeconds = 0.2e-3;

    private const int WidthsMoved = 33, ActivationBytes = 2;

    /// <summary>The estimate is for an H100.</summary>
    private static readonly ComputeCapability Hopper = new(9, 0);

    /// <summary>Seconds of one rank's step; null unless the device is an H100 or H200. A GPU that does not exist here is planned as
    /// one.</summary>
    /// <param name="planned">The step.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="tokens">Of the step.</param>
    public static double? Seconds(PlannedRun planned, GemmaConfig sizes, double tokens) =>
        planned.Gpu == Hopper
            ? Seconds(sizes, planned.Memory, tokens, planned)
                + RankStep.UpdateSeconds(planned.LoraValues + planned.SavedValues.Sum(), MemoryBytesPerSecond)
            : null;

    private static double Seconds(GemmaConfig sizes, MemoryPlan memory, double tokens, PlannedRun planned)
    {
        double again = (double)memory.Steps.RecomputedLayers / memory.Layers;
        double runs = Math.Ceiling((double)memory.StepRows / memory.Steps.RowsPerRun);
        double layers = LayerWeights(sizes) * memory.Layers, head = (double)sizes.VocabSize * sizes.HiddenSize;

        // A weight is multiplied with a token once forward and once backward, two operations each; so is a trained one's gradient.
        double operations = tokens * (layers * ((planned.TrainsLayers ? 6 : 4) + 2 * again) + head * (planned.TrainsHead ? 6 : 4));
        double moved = tokens * memory.Layers * sizes.IntermediateSize * WidthsMoved * ActivationBytes * (1 + again / 2);
        return operations / OperationsPerSecond + moved / MemoryBytesPerSecond
            + runs * memory.Layers * LayerSeconds * (1 + again / 2);
    }

    /// <summary>Values of a layer's seven projections.</summary>
    private static double LayerWeights(GemmaConfig sizes) =>
        (double)sizes.HiddenSize
            * (2 * (sizes.NumAttentionHeads + sizes.NumKeyValueHeads) * sizes.HeadDim + 3 * sizes.IntermediateSize);
}
