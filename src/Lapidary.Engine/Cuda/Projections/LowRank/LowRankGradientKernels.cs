using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;
using static Lapidary.Engine.Cuda.Projections.LowRank.RankSlices;

namespace Lapidary.Engine.Cuda.Projections.LowRank;

/// <summary>The gradients of adapters: sums over tokens, in parts of fixed size.</summary>
internal sealed unsafe class LowRankGradientKernels(CudaRuntime runtime)
{
    // As low_rank_gradient.cu has them: units of a launch, slices of a unit, columns of a strip, tokens of a tile, and its shared memory.
    private const int MaxUnits = 16, UnitSlices = 3, StripColumns = 256, Tile = 32;
    private const int SharedBytes = 3 * Tile * (StripColumns + 8 + UnitSlices * SliceRanks + 8) * sizeof(ushort);

    /// <summary>dA and dB of every adapter.</summary>
    private const int MaxGradients = 2 * AugmentedLayout.MaxProjections;

    /// <summary>Blocks per multiprocessor that sums over tokens are split into: as many as fit at once, or twice as many with masks, which
    /// are uneven work.</summary>
    private const int BlocksPerMultiprocessor = 2, BlocksPerMultiprocessorMasked = 4;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly float _factorOfB = runtime.FactorOfB;
    private readonly Kernel _gradient = new("low_rank_gradient.cu", "low_rank_gradient");
    private readonly Kernel _gradientMasked = new("low_rank_gradient.cu", "low_rank_gradient_masked");
    private readonly Kernel _gradientUnaligned = new("low_rank_gradient.cu", "low_rank_gradient_unaligned");
    private readonly Kernel _gradientJoin = new("low_rank_gradient.cu", "low_rank_gradient_join");

    /// <summary>dBᵢ += sᵢ · dyᵢᵀ · xaᵢ and dAᵢ += dxaᵢᵀ · dropoutᵢ(x), where dxa lies in <paramref name="rows"/>.</summary>
    public void Add(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, AugmentedRows rows)
    {
        var join = new LowRankGradientJoinArgs();
        var work = Count(dys, x, projections, ref join);
        if (join.Count == 0) return;
        int tokens = Rows(x).Rows, perMultiprocessor = work.Masked ? BlocksPerMultiprocessorMasked : BlocksPerMultiprocessor;
        int blocks = perMultiprocessor * runtime.Device.Multiprocessors * Tiles(work.Units, MaxUnits);
        int tokensPerSplit = TokensPerBlock(tokens, blocks / work.Strips, Tile, runtime.Thresholds.MinTokensPerBlock);
        join.Splits = Tiles(tokens, tokensPerSplit);
        long length = join.First[join.Count];
        join.Partials = runtime.Scratch.Get("LoRA gradients", length * join.Splits * sizeof(float));
        var batch = new Batch
        {
            Kernel = !work.Aligned ? _gradientUnaligned : work.Masked ? _gradientMasked : _gradient,
            Args = new LowRankGradientArgs { Partials = join.Partials, Length = length, Tokens = tokens, TokensPerSplit = tokensPerSplit },
        };

        int output = 0;
        AddSlicesOfA(x, projections, rows, ref batch, in join, ref output);
        AddSlicesOfB(dys, projections, xas, ref batch, in join, ref output);
        Launch(ref batch);
        _launcher.LaunchStrided(_gradientJoin, length, width: 1, in join);
    }

    /// <summary>Assigns every gradient its place among the partial sums, dA before dB, and counts the work.</summary>
    private static Work Count(
        IReadOnlyList<Tensor> dys, Tensor x, IReadOnlyList<Projection> projections, ref LowRankGradientJoinArgs join)
    {
        var work = new Work { Aligned = true };
        int dim = Rows(x).Dim, inputSlices = 0;

        // The slices of x first, side by side, so that they share its units.
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { A.Gradient: { } dA } adapter) continue;
            AddOutput(ref join, dA);
            inputSlices += Tiles(Rank(adapter), SliceRanks);
            work.Aligned &= dim % 8 == 0;
            work.Masked |= Active(adapter.Dropout) is not null;
        }

        work.AddUnits(dim, inputSlices);
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { B.Gradient: { } dB } adapter) continue;
            int outDim = Rows(dys[i]).Dim;
            AddOutput(ref join, dB);
            work.AddUnits(outDim, Tiles(Rank(adapter), SliceRanks));
            work.Aligned &= outDim % 8 == 0;
        }

        return work;
    }

    /// <summary>dAᵢ, of x and its dxaᵢ.</summary>
    private void AddSlicesOfA(
        Tensor x, IReadOnlyList<Projection> projections, AugmentedRows rows, ref Batch batch, in LowRankGradientJoinArgs join,
        ref int output)
    {
        int dim = Rows(x).Dim;
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { A.Gradient: not null } adapter) continue;
            int r = Rank(adapter);
            for (int first = 0; first < r; first += SliceRanks)
            {
                int s = AddSlice(ref batch, x.Address, dim, first, r, join.First[output], rankStride: dim, columnStride: 1);
                ref var args = ref batch.Args;
                args.P[s] = rows.Share(i) + first * sizeof(ushort);
                args.PStride[s] = rows.Layout.Width;
                args.Scale[s] = KeptScale(adapter.Dropout) / _factorOfB;
                (args.Seed[s], args.Stream[s], args.Threshold[s]) = MaskOf(adapter.Dropout, i);
            }

            output++;
        }
    }

    /// <summary>dBᵢ, of dyᵢ and its xaᵢ.</summary>
    private void AddSlicesOfB(
        IReadOnlyList<Tensor> dys, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, ref Batch batch,
        in LowRankGradientJoinArgs join, ref int output)
    {
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { B.Gradient: not null } adapter) continue;
            int r = Rank(adapter), outDim = Rows(dys[i]).Dim;
            for (int first = 0; first < r; first += SliceRanks)
            {
                int s = AddSlice(ref batch, dys[i].Address, outDim, first, r, join.First[output], rankStride: 1, columnStride: r);
                ref var args = ref batch.Args;
                args.P[s] = xas[i]!.Address + first * sizeof(ushort);
                args.PStride[s] = r;
                args.Scale[s] = adapter.Scale * _factorOfB;
                (args.Seed[s], args.Stream[s], args.Threshold[s]) = MaskOf(dropout: null, i);
            }

            output++;
        }
    }

    /// <summary>Assigns a gradient its place among the partial sums.</summary>
    private static void AddOutput(ref LowRankGradientJoinArgs join, Tensor gradient)
    {
        join.Out[join.Count] = gradient.Address;
        join.First[join.Count + 1] = join.First[join.Count] + gradient.Count;
        join.Count++;
    }

    /// <summary>Adds a slice to the last unit if that reads the same matrix, else to a new one. Full launches are queued.</summary>
    private int AddSlice(ref Batch batch, nint x, int dim, int firstRank, int r, long at, int rankStride, int columnStride)
    {
        ref var args = ref batch.Args;
        if (batch.Units == 0 || args.X[batch.Units - 1] != x || args.Slices[batch.Units - 1] == UnitSlices)
        {
            if (batch.Units == MaxUnits) Launch(ref batch);
            int unit = batch.Units++;
            (args.X[unit], args.Dim[unit], args.Slices[unit]) = (x, dim, 0);
            args.FirstStrip[unit + 1] = args.FirstStrip[unit] + Tiles(dim, StripColumns);
        }

        int slice = (batch.Units - 1) * UnitSlices + args.Slices[batch.Units - 1]++;
        args.At[slice] = at + (long)firstRank * rankStride;
        args.Ranks[slice] = Math.Min(SliceRanks, r - firstRank);
        (args.RankStride[slice], args.ColumnStride[slice]) = (rankStride, columnStride);
        return slice;
    }

    private void Launch(ref Batch batch)
    {
        ref var args = ref batch.Args;
        var grid = new Dim3(args.FirstStrip[batch.Units], Tiles(args.Tokens, args.TokensPerSplit));
        _launcher.Launch(batch.Kernel, grid, 256, SharedBytes, in args);
        batch.Units = 0;
    }

    /// <summary>The total work.</summary>
    private struct Work
    {
        public int Strips, Units;
        public bool Aligned, Masked;

        public void AddUnits(int columns, int slices)
        {
            Units += Tiles(slices, UnitSlices);
            Strips += Tiles(slices, UnitSlices) * Tiles(columns, StripColumns);
        }
    }

    /// <summary>A launch that is being filled.</summary>
    private struct Batch
    {
        public required Kernel Kernel;
        public LowRankGradientArgs Args;
        public int Units;
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
