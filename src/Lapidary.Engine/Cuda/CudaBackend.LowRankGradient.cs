namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    // As low_rank_gradient.cu has them: units of a launch, slices of a unit, columns of a strip, tokens of a tile.
    private const int MaxUnits = 8, UnitSlices = 3, StripColumns = 256, GradientTile = 16;

    /// <summary>dA and dB of every adapter.</summary>
    private const int MaxGradients = 2 * MaxProjections;

    /// <summary>Blocks per multiprocessor that sums over tokens are split into: as many as its registers hold.</summary>
    private const int GradientBlocksPerMultiprocessor = 3;

    private readonly Kernel _lowRankGradient = new("low_rank_gradient.cu", "low_rank_gradient");
    private readonly Kernel _lowRankGradientJoin = new("low_rank_gradient.cu", "low_rank_gradient_join");

    /// <summary>dBᵢ += sᵢ · dyᵢᵀ · xaᵢ and dAᵢ += dxaᵢᵀ · dropoutᵢ(x), where dxa lies in <paramref name="rows"/>.</summary>
    private void AddAdapterGradients(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, AugmentedRows rows)
    {
        var (tokens, dim) = Rows(x);
        var join = new LowRankGradientJoinArgs();
        int strips = 0;
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { } adapter) continue;
            if (adapter.A.Gradient is { } dA) strips += AddOutput(ref join, dA, dim, Rank(adapter));
            if (adapter.B.Gradient is { } dB) strips += AddOutput(ref join, dB, Rows(dys[i]).Dim, Rank(adapter));
        }

        if (join.Count == 0) return;
        int wanted = Math.Clamp(GradientBlocksPerMultiprocessor * Device.Multiprocessors / strips, 1, Tiles(tokens, 4 * GradientTile));
        int tokensPerSplit = Tiles(Tiles(tokens, wanted), GradientTile) * GradientTile;
        join.Splits = Tiles(tokens, tokensPerSplit);
        long length = join.First[join.Count];
        join.Partials = _scratch.Get("LoRA gradients", length * join.Splits * sizeof(float));
        var args = new LowRankGradientArgs { Partials = join.Partials, Length = length, Tokens = tokens, TokensPerSplit = tokensPerSplit };

        int output = 0, unit = 0;
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { } adapter) continue;
            int r = Rank(adapter), outDim = Rows(dys[i]).Dim;
            if (adapter.A.Gradient is not null)
            {
                for (int first = 0; first < r; first += SliceRanks)
                {
                    int s = AddSlice(ref args, ref unit, x.Address, dim, first, r, join.First[output], rankStride: dim, columnStride: 1);
                    args.P[s] = rows.Address + rows.Layout.AdapterBytes(i) + first * sizeof(ushort);
                    args.PStride[s] = rows.Layout.Width;
                    args.Scale[s] = Kept(adapter.Dropout);
                    (args.Seed[s], args.Stream[s], args.Threshold[s]) = MaskOf(adapter.Dropout, i);
                }

                output++;
            }

            if (adapter.B.Gradient is null) continue;
            for (int first = 0; first < r; first += SliceRanks)
            {
                int s = AddSlice(ref args, ref unit, dys[i].Address, outDim, first, r, join.First[output], rankStride: 1, columnStride: r);
                args.P[s] = xas[i]!.Address + first * sizeof(ushort);
                args.PStride[s] = r;
                args.Scale[s] = adapter.Scale;
                args.Stream[s] = -1;
            }

            output++;
        }

        LaunchLowRankGradient(ref args, ref unit);
        LaunchStrided(_lowRankGradientJoin, length, width: 1, in join);
    }

    /// <summary>Gives a gradient its place among the partial sums.</summary>
    /// <returns>Strips of columns that its slices read.</returns>
    private static int AddOutput(ref LowRankGradientJoinArgs join, Tensor gradient, int columns, int r)
    {
        join.Out[join.Count] = gradient.Address;
        join.First[join.Count + 1] = join.First[join.Count] + gradient.Count;
        join.Count++;
        return Tiles(columns, StripColumns) * Tiles(r, UnitSlices * SliceRanks);
    }

    /// <summary>Adds a slice to the unit of the matrix it reads, or to a new one; what no longer fits is launched.</summary>
    private int AddSlice(
        ref LowRankGradientArgs args, ref int units, nint x, int dim, int firstRank, int r, long at, int rankStride, int columnStride)
    {
        int unit = 0;
        while (unit < units && (args.X[unit] != x || args.Slices[unit] == UnitSlices)) unit++;
        if (unit == MaxUnits)
        {
            LaunchLowRankGradient(ref args, ref units);
            unit = 0;
        }

        if (unit == units)
        {
            (args.X[unit], args.Dim[unit], args.Slices[unit]) = (x, dim, 0);
            args.FirstStrip[unit + 1] = args.FirstStrip[unit] + Tiles(dim, StripColumns);
            units++;
        }

        int slice = unit * UnitSlices + args.Slices[unit]++;
        args.At[slice] = at + (long)firstRank * rankStride;
        args.Ranks[slice] = Math.Min(SliceRanks, r - firstRank);
        (args.RankStride[slice], args.ColumnStride[slice]) = (rankStride, columnStride);
        (args.Seed[slice], args.Threshold[slice]) = (0, 0);
        return slice;
    }

    private void LaunchLowRankGradient(ref LowRankGradientArgs args, ref int units)
    {
        Launch(_lowRankGradient, new Dim3(args.FirstStrip[units], Tiles(args.Tokens, args.TokensPerSplit)), 256, sharedBytes: 0, in args);
        units = 0;
    }

    private struct LowRankGradientArgs
    {
        public fixed long X[MaxUnits];
        public fixed int Dim[MaxUnits];
        public fixed int FirstStrip[MaxUnits + 1];
        public fixed int Slices[MaxUnits];
        public fixed long P[MaxUnits * UnitSlices];
        public fixed long Seed[MaxUnits * UnitSlices];
        public fixed long At[MaxUnits * UnitSlices];
        public fixed int PStride[MaxUnits * UnitSlices];
        public fixed int Ranks[MaxUnits * UnitSlices];
        public fixed int RankStride[MaxUnits * UnitSlices];
        public fixed int ColumnStride[MaxUnits * UnitSlices];
        public fixed int Stream[MaxUnits * UnitSlices];
        public fixed uint Threshold[MaxUnits * UnitSlices];
        public fixed float Scale[MaxUnits * UnitSlices];
        public nint Partials;
        public long Length;
        public int Tokens, TokensPerSplit;
    }

    private struct LowRankGradientJoinArgs
    {
        public nint Partials;
        public fixed long Out[MaxGradients];
        public fixed long First[MaxGradients + 1];
        public int Count, Splits;
    }
}
