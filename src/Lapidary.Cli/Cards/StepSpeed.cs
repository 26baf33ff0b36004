using Lapidary.Gemma;
using Lapidary.Training;

namespace Lapidary.Cli.Cards;

/// <summary>The time of a step by its operations and bytes; mostly too short, see docs/scale.md.</summary>
/// <param name="OperationsPerSecond">Of large products.</param>
/// <param name="BytesPerSecond">Of memory-bound work.</param>
/// <remarks>A layer moves the activations of some 33 intermediate sizes per token, forward and backward; a layer's kernels take 0.2 ms at
/// the least: both of the steps in docs/benchmarks.md.</remarks>
internal sealed record StepSpeed(double OperationsPerSecond, double BytesPerSecond)
{
    /// <summary>An H100: of 989 TFLOP/s and 3.35 TB/s, what the steps in docs/benchmarks.md reach.</summary>
    public static readonly StepSpeed H100 = new(690e12, 3.0e12);

    private const double LayerSeconds = 0.2e-3;

    /// <summary>Of each trained value. AdamW reads it, its gradient and two moments, and writes all but the gradient; the norm reads the
    /// gradient.</summary>
    private const int UpdateBytes = 28, NormBytes = 4;

    private const int WidthsMoved = 33, ActivationBytes = 2;

    /// <summary>Seconds of a step without its update.</summary>
    /// <param name="sizes">The model.</param>
    /// <param name="memory">The layout of its steps.</param>
    /// <param name="tokens">Of the step.</param>
    /// <param name="trainsLayers">Whether the layers' matrices are trained.</param>
    /// <param name="trainsHead">Whether the head is.</param>
    public double Seconds(GemmaConfig sizes, MemoryPlan memory, double tokens, bool trainsLayers, bool trainsHead)
    {
        double again = (double)memory.Steps.RecomputedLayers / memory.Layers;
        double runs = Math.Ceiling((double)memory.StepRows / memory.Steps.RowsPerRun);
        double layers = LayerWeights(sizes) * memory.Layers, head = (double)sizes.VocabSize * sizes.HiddenSize;

        // A weight is multiplied with a token once forward and once backward, two operations each; so is a trained one's gradient.
        double operations = tokens * (layers * ((trainsLayers ? 6 : 4) + 2 * again) + head * (trainsHead ? 6 : 4));
        double moved = tokens * memory.Layers * sizes.IntermediateSize * WidthsMoved * ActivationBytes * (1 + again / 2);
        return operations / OperationsPerSecond + moved / BytesPerSecond + runs * memory.Layers * LayerSeconds * (1 + again / 2);
    }

    /// <summary>The share of the layers' forward pass in a run of the model, forward and backward. By operations, as if all layers were
    /// computed again on the way back: mostly too small.</summary>
    /// <param name="sizes">The model.</param>
    /// <param name="trainsLayers">Whether the layers' matrices are trained.</param>
    public static double ForwardShare(GemmaConfig sizes, bool trainsLayers)
    {
        double layers = LayerWeights(sizes) * sizes.NumHiddenLayers, head = (double)sizes.VocabSize * sizes.HiddenSize;
        return 2 * layers / (layers * (trainsLayers ? 8 : 6) + head * 6);
    }

    /// <summary>Seconds of norm and AdamW over a number of values.</summary>
    public static double UpdateSeconds(long values, double bytesPerSecond) =>
        values * (double)(UpdateBytes + NormBytes) / bytesPerSecond;

    /// <summary>Values of a layer's seven projections.</summary>
    private static double LayerWeights(GemmaConfig sizes) =>
        (double)sizes.HiddenSize
            * (2 * (sizes.NumAttentionHeads + sizes.NumKeyValueHeads) * sizes.HeadDim + 3 * sizes.IntermediateSize);
}
