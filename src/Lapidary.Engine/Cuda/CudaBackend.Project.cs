namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    /// <summary>Layers of one input that low_rank_down.cu, low_rank_up.cu and augmented.cu take together.</summary>
    private const int MaxProjections = 3;

    /// <inheritdoc/>
    /// <remarks>Where the outputs are wider than the input, the adapters join the base's product as a few more columns of both factors
    /// (augmented.cu), so that the wide side is written once. Else they are added to the narrow side.</remarks>
    public void ProjectForward(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, IReadOnlyList<Tensor> ys)
    {
        var (tokens, dim) = Rows(x);
        var layout = new AugmentedLayout(projections, dim);
        if (tokens == 1)
        {
            for (int i = 0; i < projections.Count; i++) ProjectOneToken(x, projections[i], xas[i], ys[i]);
            return;
        }

        if (layout.Extra > 0) LowRankDown(x, projections, xas);
        if (!layout.IsWorthwhile)
        {
            for (int i = 0; i < projections.Count; i++)
            {
                LinearForward(x, projections[i].Weight, ys[i]);
                if (projections[i].Adapter is { } adapter) AddLowRank(xas[i]!, adapter, ys[i]);
            }

            return;
        }

        nint rows = AugmentedRows(x, projections, xas, layout);
        for (int i = 0; i < projections.Count; i++)
        {
            int outDim = Rows(ys[i]).Dim;
            nint weight = AugmentedWeight(projections[i], layout.Offsets[i], dim, layout.Extra);
            Product(tokens, outDim, layout.Width, 1, rows, transposeA: false, weight, transposeB: true, 0, ys[i].Address);
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
            for (int i = 0; i < projections.Count && dx is not null; i++) LinearBackward(dys[i], projections[i].Weight, dx, add || i > 0);
            return;
        }

        // [dx | dxa] of all layers at once, dxa side by side.
        nint both = _scratch.Get("augmented gradient", DType.BFloat16.LengthBytes((long)tokens * layout.Width));
        bool isFirst = true;
        for (int i = 0; i < projections.Count; i++)
        {
            if (dx is null && projections[i].Adapter is null) continue;
            nint weight = AugmentedWeight(projections[i], layout.Offsets[i], dx is null ? 0 : dim, layout.Extra);
            Product(tokens, layout.Width, Rows(dys[i]).Dim, 1, dys[i].Address, transposeA: false, weight, transposeB: false, isFirst ? 0 : 1, both);
            isFirst = false;
        }

        AddAdapterGradients(dys, x, projections, xas, both, layout);
        if (dx is not null) AddInputGradients(both, projections, layout, dx, add);
    }

    private void ProjectOneToken(Tensor x, in Projection projection, Tensor? xa, Tensor y)
    {
        LinearForward(x, projection.Weight, y);
        if (projection.Adapter is not { } adapter || LoraMatVec(x, adapter, xa!, y)) return;
        LowRankDown(x, [projection], [xa]);
        AddLowRank(xa!, adapter, y);
    }

    /// <summary>Columns of the augmented matrices: the input's, then every adapter's, each share a multiple of 8 elements.</summary>
    private readonly struct AugmentedLayout
    {
        public readonly IntegersOfProjections Offsets;
        public readonly int Extra;
        public readonly bool IsWorthwhile;
        private readonly int _inner;

        public AugmentedLayout(IReadOnlyList<Projection> projections, int dim)
        {
            if (projections.Count > MaxProjections) throw new ArgumentException($"At most {MaxProjections} layers read one input together.", nameof(projections));
            long adapted = 0;
            _inner = RoundUp8(dim);
            for (int i = 0; i < projections.Count; i++)
            {
                Offsets[i] = Extra;
                if (projections[i].Adapter is not { } adapter) continue;
                Extra += RoundUp8(Rows(adapter.A.Value).Rows);
                adapted += projections[i].Weight.Shape[0];
            }

            IsWorthwhile = adapted > dim;
        }

        /// <summary>Elements of a row.</summary>
        public int Width => _inner + Extra;

        /// <summary>Where an adapter's share of a bf16 row begins.</summary>
        public nint AdapterBytes(int projection) => (nint)(_inner + Offsets[projection]) * sizeof(ushort);

        public static int RoundUp8(int count) => (count + 7) & ~7;
    }

    [System.Runtime.CompilerServices.InlineArray(MaxProjections)]
    private struct IntegersOfProjections
    {
        private int _first;
    }
}
