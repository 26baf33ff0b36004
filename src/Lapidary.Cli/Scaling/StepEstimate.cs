using Lapidary.Cli.Runs;
using Lapidary.Engine;
using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Scaling;

/// <summary>About how long an optimizer step takes on an H100, from its operations and bytes; mostly too short, see
/// docs/scale.md.</summary>
/// <remarks>Constants are of the steps in docs/benchmarks.md: large products run at some 690 of 989 TFLOP/s; a layer moves the activations
/// of some 33 intermediate sizes per token, forward and backward; a layer's kernels take 0.2 ms at the least.</remarks>
internal static class StepEstimate
{
    /// <summary>What AdamW and other work that only moves bytes get of 3.35 TB/s.</summary>
    public const double MemoryBytesPerSecond = 3.0e12;

    private const double OperationsPerSecond = 690e12, LayerSeconds = 0.2e-3;

    private const int WidthsMoved = 33, ActivationBytes = 2;

    /// <summary>An H100 is what the estimate is of.</summary>
    private static readonly ComputeCapability Hopper = new(9, 0);

    /// <summary>Seconds of one rank's step; null where the device is no H100 or H200, as which a GPU is planned that is not
    /// here.</summary>
    /// <param name="planned">The step.</param>
    /// <param name="sizes">The model.</param>
    /// <param name="tokens">Of the step.</param>
    public static double? Seconds(PlannedRun planned, GemmaConfig sizes, double tokens) =>
        planned.Gpu == Hopper
            ? Seconds(sizes, planned.Memory, tokens, planned.TrainsHead)
                + RankStep.UpdateSeconds(planned.LoraValues + planned.SavedValues.Sum(), MemoryBytesPerSecond)
            : null;

    private static double Seconds(GemmaConfig sizes, MemoryPlan memory, double tokens, bool trainsHead)
    {
        double again = (double)memory.Steps.RecomputedLayers / memory.Layers;
        double runs = Math.Ceiling((double)memory.StepRows / memory.Steps.RowsPerRun);
        double layers = LayerWeights(sizes) * memory.Layers, head = (double)sizes.VocabSize * sizes.HiddenSize;

        // A weight is multiplied with a token once forward and once backward, two operations each; so is a trained one's gradient.
        double operations = tokens * (layers * (4 + 2 * again) + head * (trainsHead ? 6 : 4));
        double moved = tokens * memory.Layers * sizes.IntermediateSize * WidthsMoved * ActivationBytes * (1 + again / 2);
        return operations / OperationsPerSecond + moved / MemoryBytesPerSecond
            + runs * memory.Layers * LayerSeconds * (1 + again / 2);
    }

    /// <summary>Values of a layer's seven projections.</summary>
    private static double LayerWeights(GemmaConfig sizes) =>
        (double)sizes.HiddenSize
            * (2 * (sizes.NumAttentionHeads + sizes.NumKeyValueHeads) * sizes.HeadDim + 3 * sizes.IntermediateSize);
}
