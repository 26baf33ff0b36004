namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    /// <remarks>Where the outputs are wider than the input, the adapters join the base's product as a few more columns of both factors
    /// (augmented_weight.cu), so that the wide side is written once. Else they are added to the narrow side.</remarks>
    public void ProjectForward(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, IReadOnlyList<Tensor> ys)
    {
        var (tokens, dim) = Rows(x);
        var layout = new AugmentedLayout(projections, dim);
        if (tokens == 1)
        {
            for (int i = 0; i < projections.Count; i++) ProjectOneToken(x, projections[i], xas[i], ys[i]);
            return;
        }

        if (!WidensWithAdapters(projections, dim))
        {
            if (layout.Extra > 0) LowRankDown(x, projections, xas);
            int rowsBelow = RowsBelow(projections);
            for (int i = 0; i < projections.Count; i++)
            {
                MultiplyForward(x, PlainWeight(projections[i].Weight, rowsBelow), ys[i]);
                if (projections[i].Adapter is { } adapter) AddLowRank(xas[i]!, adapter, ys[i]);
            }

            return;
        }

        var rows = NewRows("augmented rows", tokens, layout);
        LowRankDown(x, projections, xas, rows);
        var kept = KeptAugmentedWeights(projections, layout, dim);
        for (int i = 0; i < projections.Count; i++)
        {
            nint weight = kept[i] != 0 ? kept[i] : AugmentedWeight(projections[i], layout.Offsets[i], dim, layout.Extra);
            Product(tokens, Rows(ys[i]).Dim, layout.Width, 1, rows.Address, transposeA: false, weight, transposeB: true, 0, ys[i].Address);
        }
    }

    /// <inheritdoc/>
    public void ProjectBackward(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor? dx, bool add)
    {
        var (tokens, dim) = Rows(x);
        var layout = new AugmentedLayout(projections, dx is null ? 0 : dim);
        if (layout.Extra == 0)
        {
            for (int i = 0; i < projections.Count && dx is not null; i++)
                MultiplyBackward(dys[i], PlainWeight(projections[i].Weight, rowsBelow: 0), dx, add || i > 0);
            return;
        }

        // No mask may come between dxa · A and dx.
        if (dx is not null && RowsBelow(projections) > 0 && Active(projections[0].Adapter!.Dropout) is null)
        {
            BackwardOfNarrowing(dys, x, projections, xas, dx, add);
            return;
        }

        // [dx | dxa] of all layers at once, dxa side by side.
        var both = NewRows("augmented gradient", tokens, layout);
        var kept = dx is null ? default : KeptAugmentedWeights(projections, layout, dim);
        bool isFirst = true;
        for (int i = 0; i < projections.Count; i++)
        {
            if (dx is null && projections[i].Adapter is null) continue;
            nint weight = kept[i] != 0 ? kept[i] : AugmentedWeight(projections[i], layout.Offsets[i], dx is null ? 0 : dim, layout.Extra);
            Product(tokens, layout.Width, Rows(dys[i]).Dim, 1, dys[i].Address, transposeA: false, weight, transposeB: false, isFirst ? 0 : 1, both.Address);
            isFirst = false;
        }

        AddAdapterGradients(dys, x, projections, xas, both);
        if (dx is not null) AddInputGradients(both, projections, dx, add);
    }

    /// <summary>A layer narrower than its input: [dy | dxa] · [W ; A] = dx, so that the wide side is written once.</summary>
    private void BackwardOfNarrowing(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, Tensor dx, bool add)
    {
        var (tokens, outDim) = Rows(dys[0]);
        var adapter = projections[0].Adapter!;
        var rows = NewRows("augmented rows", tokens, new AugmentedLayout(projections, outDim));
        LowRankDown(dys[0], adapter, rows);
        AddAdapterGradients(dys, x, projections, xas, rows);
        nint weight = StackedWeight(projections[0].Weight, adapter.A.Value);
        Product(tokens, Rows(dx).Dim, rows.Layout.Width, 1, rows.Address, transposeA: false, weight, transposeB: false, add ? 1 : 0, dx.Address);
    }

    /// <summary>Whether the outputs that adapters write are wider than the input.</summary>
    private static bool WidensWithAdapters(IReadOnlyList<Projection> projections, int dim)
    {
        long adapted = 0;
        foreach (var projection in projections) adapted += projection.Adapter is null ? 0 : projection.Weight.Shape[0];
        return adapted > dim;
    }

    /// <summary>Rows of A that can lie below W: of a single layer that narrows, where no row needs padding; else 0.</summary>
    private static int RowsBelow(IReadOnlyList<Projection> projections)
    {
        if (projections is not [{ Adapter: { } adapter } layer]) return 0;
        var (outDim, dim) = Rows(layer.Weight);
        int r = Rank(adapter);
        return outDim <= dim && (outDim | dim | r) % 8 == 0 ? r : 0;
    }

    private void ProjectOneToken(Tensor x, in Projection projection, Tensor? xa, Tensor y)
    {
        LinearForward(x, projection.Weight, y);
        if (projection.Adapter is not { } adapter || LoraMatVec(x, adapter, xa!, y)) return;
        LowRankDown(x, [projection], [xa]);
        AddLowRank(xa!, adapter, y);
    }
}
