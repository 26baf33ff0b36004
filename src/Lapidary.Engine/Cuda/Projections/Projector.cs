using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Products;
using Lapidary.Engine.Cuda.Projections.Decoding;
using Lapidary.Engine.Cuda.Projections.LowRank;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections;

/// <summary>Layers with one input, and their adapters.</summary>
internal sealed class Projector(CudaRuntime runtime, WeightDecoder decoder, LinearProducts linear) : IDisposable
{
    private readonly ProjectionWeights _weights = new(runtime, decoder);
    private readonly LowRankDownKernels _down = new(runtime);
    private readonly LowRankUpKernels _up = new(runtime);
    private readonly LowRankGradientKernels _gradients = new(runtime);

    /// <summary>The weights as products take them.</summary>
    public ProjectionWeights Weights => _weights;

    /// <inheritdoc cref="IBackend.KeepDecodedWeights"/>
    public IDisposable KeepDecodedWeights(long maxBytes) => _weights.Keep(maxBytes);

    /// <inheritdoc cref="IOps.ProjectForward"/>
    /// <remarks>If the outputs are wider than the input, the adapters become a few more columns of both factors of the base's product
    /// (augmented_weight.cu), so that the wide side is written once. Otherwise they are added to the narrow side. Beside fp16, every factor
    /// that comes of B is multiplied by <see cref="CudaRuntime.FactorOfB"/>, and what meets it, x · A above all, divided.</remarks>
    /// <param name="x">As there, as the next three.</param>
    /// <param name="projections">The layers.</param>
    /// <param name="xas">Results of adapters.</param>
    /// <param name="ys">Results.</param>
    /// <param name="pieceRows">See <see cref="MatrixProducts.Run"/>.</param>
    public void Forward(
        Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, IReadOnlyList<Tensor> ys, int pieceRows)
    {
        var (tokens, dim) = Rows(x);
        var layout = new AugmentedLayout(projections, dim);
        if (!WidensWithAdapters(projections, dim))
        {
            if (layout.Extra > 0) _down.Run(x, projections, xas);
            int rowsBelow = RowsBelow(projections);
            for (int i = 0; i < projections.Count; i++)
            {
                linear.Multiply(x, _weights.Plain(projections[i], rowsBelow), ys[i], pieceRows);
                if (projections[i].Adapter is { } adapter) _up.AddToOutput(xas[i]!, adapter, ys[i]);
            }

            return;
        }

        var rows = AugmentedRows.In(runtime, "augmented rows", tokens, layout);
        _down.Run(x, projections, xas, rows);
        var decoded = _weights.DecodedAugmented(projections, layout, dim);
        for (int i = 0; i < projections.Count; i++)
        {
            nint weight = decoded[i] != 0 ? decoded[i] : _weights.Augmented(projections[i], layout.Offsets[i], dim, layout.Extra);
            var (y, outDim) = (ys[i], Rows(ys[i]).Dim);
            var product = new ProductKind(tokens, outDim, layout.Width, TransposeA: false, TransposeB: true, y.DType);
            runtime.Products.Run(product, 1, rows.Address, weight, 0, y.Address, pieceRows);
        }
    }

    /// <inheritdoc cref="IOps.ProjectBackward"/>
    public void Backward(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor? dx, bool add)
    {
        var (tokens, dim) = Rows(x);
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].WeightGradient is { } dWeight) linear.AddWeightGradient(dys[i], x, dWeight);
        }

        var layout = new AugmentedLayout(projections, dx is null ? 0 : dim);
        if (layout.Extra == 0)
        {
            for (int i = 0; i < projections.Count && dx is not null; i++)
                linear.MultiplyBackward(dys[i], _weights.Plain(projections[i], rowsBelow: 0), dx, add || i > 0);
            return;
        }

        // No mask may come between dxa · A and dx.
        if (dx is not null && RowsBelow(projections) > 0 && RankSlices.Active(projections[0].Adapter!.Dropout) is null)
        {
            BackwardOfNarrowing(dys, x, projections, xas, dx, add);
            return;
        }

        // [dx | dxa] of all layers at once, dxa side by side.
        var both = AugmentedRows.In(runtime, "augmented gradient", tokens, layout);
        var decoded = dx is null ? default : _weights.DecodedAugmented(projections, layout, dim);
        bool isFirst = true;
        for (int i = 0; i < projections.Count; i++)
        {
            if (dx is null && projections[i].Adapter is null) continue;
            nint weight = decoded[i] != 0
                ? decoded[i]
                : _weights.Augmented(projections[i], layout.Offsets[i], dx is null ? 0 : dim, layout.Extra);
            int outDim = Rows(dys[i]).Dim;
            var output = runtime.ActivationDType;
            linear.Product(
                tokens, layout.Width, outDim, dys[i].Address, weight, transposeB: false, add: !isFirst, both.Address, output);
            isFirst = false;
        }

        _gradients.Add(dys, x, projections, xas, both);
        if (dx is not null) _up.WriteInputGradient(both, projections, dx, add);
    }

    /// <summary>Frees all decoded weights.</summary>
    public void Dispose() => _weights.Dispose();

    /// <summary>A layer narrower than its input: [dy | dxa] · [W ; A] = dx, so that the wide side is written once.</summary>
    private void BackwardOfNarrowing(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor dx, bool add)
    {
        var (tokens, outDim) = Rows(dys[0]);
        var adapter = projections[0].Adapter!;
        var rows = AugmentedRows.In(runtime, "augmented rows", tokens, new AugmentedLayout(projections, outDim));
        _down.RunTransposed(dys[0], adapter, rows);
        _gradients.Add(dys, x, projections, xas, rows);
        nint weight = _weights.Stacked(projections[0], adapter.A.Value);
        linear.Product(tokens, Rows(dx).Dim, rows.Layout.Width, rows.Address, weight, transposeB: false, add, dx.Address, dx.DType);
    }

    /// <summary>Whether the outputs that adapters write are wider than the input.</summary>
    private static bool WidensWithAdapters(IReadOnlyList<Projection> projections, int dim)
    {
        long adapted = 0;
        foreach (var projection in projections) adapted += projection.Adapter is null ? 0 : projection.Weight.Shape[0];
        return adapted > dim;
    }

    /// <summary>Rows of A that can be stored below W: for a single narrowing layer whose rows need no padding; else 0.</summary>
    private static int RowsBelow(IReadOnlyList<Projection> projections)
    {
        if (projections is not [{ Adapter: { } adapter } layer]) return 0;
        var (outDim, dim) = Rows(layer.Weight);
        int r = Rank(adapter);
        return outDim <= dim && (outDim | dim | r) % 8 == 0 ? r : 0;
    }
}
