using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    // As low_rank_gradient.cu has them: units of a launch, slices of a unit, columns of a strip, tokens of a tile, and its shared memory.
    private const int MaxUnits = 16, UnitSlices = 3, StripColumns = 256, GradientTile = 32;
    private const int GradientSharedBytes = 3 * GradientTile * (StripColumns + 8 + UnitSlices * SliceRanks + 8) * sizeof(ushort);

    /// <summary>dA and dB of every adapter.</summary>
    private const int MaxGradients = 2 * MaxProjections;

    /// <summary>Blocks per multiprocessor that sums over tokens are split into: as many as fit at once, or twice as many with masks, which
    /// are uneven work.</summary>
    private const int GradientBlocksPerMultiprocessor = 2, GradientBlocksPerMultiprocessorMasked = 4;

    private readonly Kernel _lowRankGradient = new("low_rank_gradient.cu", "low_rank_gradient");
    private readonly Kernel _lowRankGradientMasked = new("low_rank_gradient.cu", "low_rank_gradient_masked");
    private readonly Kernel _lowRankGradientUnaligned = new("low_rank_gradient.cu", "low_rank_gradient_unaligned");
    private readonly Kernel _lowRankGradientJoin = new("low_rank_gradient.cu", "low_rank_gradient_join");

    /// <summary>dBᵢ += sᵢ · dyᵢᵀ · xaᵢ and dAᵢ += dxaᵢᵀ · dropoutᵢ(x), where dxa lies in <paramref name="rows"/>.</summary>
    private void AddAdapterGradients(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, AugmentedRows rows)
    {
        var (tokens, dim) = Rows(x);
        var join = new LowRankGradientJoinArgs();
        int strips = 0, units = 0, inputSlices = 0;
        bool aligned = true, masked = false;

        // The slices of x first, side by side, so that they share its units.
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { A.Gradient: { } dA } adapter) continue;
            AddOutput(ref join, dA);
            inputSlices += Tiles(Rank(adapter), SliceRanks);
            aligned &= dim % 8 == 0;
            masked |= Active(adapter.Dropout) is not null;
        }

        CountUnits(dim, inputSlices);
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { B.Gradient: { } dB } adapter) continue;
            int outDim = Rows(dys[i]).Dim;
            AddOutput(ref join, dB);
            CountUnits(outDim, Tiles(Rank(adapter), SliceRanks));
            aligned &= outDim % 8 == 0;
        }

        if (join.Count == 0) return;
        int perMultiprocessor = masked ? GradientBlocksPerMultiprocessorMasked : GradientBlocksPerMultiprocessor;
        int blocks = perMultiprocessor * Device.Multiprocessors * Tiles(units, MaxUnits);
        int tokensPerSplit = TokensPerBlock(tokens, blocks / strips, GradientTile);
        join.Splits = Tiles(tokens, tokensPerSplit);
        long length = join.First[join.Count];
        join.Partials = _scratch.Get("LoRA gradients", length * join.Splits * sizeof(float));
        var args = new LowRankGradientArgs { Partials = join.Partials, Length = length, Tokens = tokens, TokensPerSplit = tokensPerSplit };
        var kernel = !aligned ? _lowRankGradientUnaligned : masked ? _lowRankGradientMasked : _lowRankGradient;

        units = 0;
        int output = 0;
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { A.Gradient: not null } adapter) continue;
            int r = Rank(adapter);
            for (int first = 0; first < r; first += SliceRanks)
            {
                int s = AddSlice(kernel, ref args, ref units, x.Address, dim, first, r, join.First[output], rankStride: dim, columnStride: 1);
                args.P[s] = rows.Share(i) + first * sizeof(ushort);
                args.PStride[s] = rows.Layout.Width;
                args.Scale[s] = Kept(adapter.Dropout);
                (args.Seed[s], args.Stream[s], args.Threshold[s]) = MaskOf(adapter.Dropout, i);
            }

            output++;
        }

        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { B.Gradient: not null } adapter) continue;
            int r = Rank(adapter), outDim = Rows(dys[i]).Dim;
            for (int first = 0; first < r; first += SliceRanks)
            {
                int s = AddSlice(kernel, ref args, ref units, dys[i].Address, outDim, first, r, join.First[output], rankStride: 1, columnStride: r);
                args.P[s] = xas[i]!.Address + first * sizeof(ushort);
                args.PStride[s] = r;
                args.Scale[s] = adapter.Scale;
                (args.Seed[s], args.Stream[s], args.Threshold[s]) = MaskOf(dropout: null, i);
            }

            output++;
        }

        LaunchLowRankGradient(kernel, ref args, ref units);
        LaunchStrided(_lowRankGradientJoin, length, width: 1, in join);

        void CountUnits(int columns, int slices)
        {
            units += Tiles(slices, UnitSlices);
            strips += Tiles(slices, UnitSlices) * Tiles(columns, StripColumns);
        }
    }

    /// <summary>Gives a gradient its place among the partial sums.</summary>
    private static void AddOutput(ref LowRankGradientJoinArgs join, Tensor gradient)
    {
        join.Out[join.Count] = gradient.Address;
        join.First[join.Count + 1] = join.First[join.Count] + gradient.Count;
        join.Count++;
    }

    /// <summary>Adds a slice to the last unit, if that is of the matrix it reads, or to a new one; what no longer fits is
    /// launched.</summary>
    private int AddSlice(
        Kernel kernel, ref LowRankGradientArgs args, ref int units, nint x, int dim, int firstRank, int r, long at, int rankStride, int columnStride)
    {
        if (units == 0 || args.X[units - 1] != x || args.Slices[units - 1] == UnitSlices)
        {
            if (units == MaxUnits) LaunchLowRankGradient(kernel, ref args, ref units);
            (args.X[units], args.Dim[units], args.Slices[units]) = (x, dim, 0);
            args.FirstStrip[units + 1] = args.FirstStrip[units] + Tiles(dim, StripColumns);
            units++;
        }

        int slice = (units - 1) * UnitSlices + args.Slices[units - 1]++;
        args.At[slice] = at + (long)firstRank * rankStride;
        args.Ranks[slice] = Math.Min(SliceRanks, r - firstRank);
        (args.RankStride[slice], args.ColumnStride[slice]) = (rankStride, columnStride);
        return slice;
    }

    private void LaunchLowRankGradient(Kernel kernel, ref LowRankGradientArgs args, ref int units)
    {
        Launch(kernel, new Dim3(args.FirstStrip[units], Tiles(args.Tokens, args.TokensPerSplit)), 256, GradientSharedBytes, in args);
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
