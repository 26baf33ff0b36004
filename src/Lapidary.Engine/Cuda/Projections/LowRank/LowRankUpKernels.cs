using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;
using static Lapidary.Engine.Cuda.Projections.LowRank.RankSlices;

namespace Lapidary.Engine.Cuda.Projections.LowRank;

/// <summary>Up-projection of adapters: from r columns to the update of an output, or of the gradient of an input.</summary>
internal sealed unsafe class LowRankUpKernels(CudaRuntime runtime)
{
    // As low_rank_up.cu has them: columns of a block, tokens of a tile, from one row of its shared memory to the next, and bytes
    // besides those that a launch asks for.
    private const int Columns = 256, Tile = 32, Stride = Columns + 2, StaticBytes = MaxSlices * sizeof(ulong);

    /// <summary>Blocks per multiprocessor at many tokens: a block reads its part of every A once, so only as many run as fit at once; twice
    /// as many with masks, whose work is uneven.</summary>
    private const int BlocksPerMultiprocessor = 3, BlocksPerMultiprocessorMasked = 4;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly float _factorOfB = runtime.FactorOfB;
    private readonly int _maxSlices =
        Enumerable.Range(1, MaxSlices).Last(count => count == 1 || SharedBytesOf(count) + StaticBytes <= runtime.SharedBytes);
    private readonly Kernel _up = new("low_rank_up.cu", "low_rank_up");
    private readonly Kernel _upMasked = new("low_rank_up.cu", "low_rank_up_masked");
    private readonly Kernel _upUnaligned = new("low_rank_up.cu", "low_rank_up_unaligned");
    private readonly Kernel _upWide = new("low_rank_up_wide.cu", "low_rank_up_wide");
    private readonly Kernel _upWideUnaligned = new("low_rank_up_wide.cu", "low_rank_up_wide_unaligned");

    /// <summary>y += s · xa · Bᵀ.</summary>
    public void AddToOutput(Tensor xa, LoraAdapter adapter, Tensor y)
    {
        var (tokens, dim) = Rows(y);
        int r = Rows(xa).Dim;
        var args = new LowRankUpArgs { Source = y.Address, SourceStride = dim, Y = y.Address, Tokens = tokens, Dim = dim };
        for (int first = 0; first < r; first += SliceRanks)
        {
            int s = args.Count++;
            args.P[s] = xa.Address + first * sizeof(ushort);
            args.PStride[s] = r;
            args.M[s] = adapter.B.Value.Address + first * sizeof(float);
            (args.RankStride[s], args.ColumnStride[s]) = (1, r);
            args.Ranks[s] = Math.Min(SliceRanks, r - first);
            args.Scale[s] = adapter.Scale * _factorOfB;
            if (args.Count == _maxSlices) Launch(ref args, y.DType);
        }

        if (args.Count > 0) Launch(ref args, y.DType);
    }

    /// <summary>dx = base + Σ dropoutᵢᵀ(dxaᵢ · Aᵢ), plus dx itself where <paramref name="add"/>; the base's gradient and every dxa lie side
    /// by side in <paramref name="both"/>.</summary>
    public void WriteInputGradient(AugmentedRows both, IReadOnlyList<Projection> projections, Tensor dx, bool add)
    {
        var (tokens, dim) = Rows(dx);
        var args = new LowRankUpArgs
        {
            Source = both.Address,
            SourceStride = both.Layout.Width,
            Y = dx.Address,
            Tokens = tokens,
            Dim = dim,
            Add = add ? 1 : 0,
        };
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { } adapter) continue;
            int r = Rank(adapter);
            for (int first = 0; first < r; first += SliceRanks)
            {
                int s = args.Count++;
                args.P[s] = both.Share(i) + first * sizeof(ushort);
                args.PStride[s] = both.Layout.Width;
                args.M[s] = adapter.A.Value.Address + (nint)first * dim * sizeof(float);
                (args.RankStride[s], args.ColumnStride[s]) = (dim, 1);
                args.Ranks[s] = Math.Min(SliceRanks, r - first);
                args.Scale[s] = KeptScale(adapter.Dropout) / _factorOfB;
                (args.Seed[s], args.Stream[s], args.Threshold[s]) = MaskOf(adapter.Dropout, i);
                if (args.Count == _maxSlices) Launch(ref args, dx.DType);
            }
        }

        if (args.Count > 0) Launch(ref args, dx.DType);
    }

    /// <summary>Later launches add to the result of this one.</summary>
    private void Launch(ref LowRankUpArgs args, DType output)
    {
        bool aligned = args.Dim % 8 == 0 && args.SourceStride % 8 == 0, masked = false;
        for (int s = 0; s < args.Count; s++)
        {
            aligned &= (args.PStride[s] | args.Ranks[s]) % 8 == 0;
            masked |= args.Threshold[s] > 0;
        }

        int strips = Tiles(args.Dim, Columns), perMultiprocessor = masked ? BlocksPerMultiprocessorMasked : BlocksPerMultiprocessor;
        int blocks = perMultiprocessor * runtime.Device.Multiprocessors / strips;
        args.TokensPerBlock = TokensPerBlock(args.Tokens, blocks, Tile, runtime.Thresholds.MinTokensPerBlock);
        var kernel = output == runtime.ActivationDType
            ? !aligned ? _upUnaligned : masked ? _upMasked : _up
            : aligned ? _upWide : _upWideUnaligned;
        var grid = new Dim3(strips, Tiles(args.Tokens, args.TokensPerBlock));
        _launcher.Launch(kernel, grid, 256, SharedBytesOf(args.Count), in args);
        (args.Source, args.SourceStride, args.Add, args.Count) = (args.Y, args.Dim, 0, 0);
    }

    /// <summary>Shared memory of a block, by the number of its slices.</summary>
    private static int SharedBytesOf(int slices) =>
        slices * SliceRanks / 2 * Stride * sizeof(uint) + 2 * Tile * (slices * SliceRanks + 8) * sizeof(ushort);

    private struct LowRankUpArgs
    {
        public nint Source, Y;
        public fixed long P[MaxSlices];
        public fixed long M[MaxSlices];
        public fixed long Seed[MaxSlices];
        public fixed int Stream[MaxSlices];
        public fixed uint Threshold[MaxSlices];
        public fixed float Scale[MaxSlices];
        public fixed int Ranks[MaxSlices];
        public fixed int PStride[MaxSlices];
        public fixed int RankStride[MaxSlices];
        public fixed int ColumnStride[MaxSlices];
        public long SourceStride;
        public int Count, Tokens, Dim, Add, TokensPerBlock;
    }
}
