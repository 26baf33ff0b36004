using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    // As low_rank_up.cu has them: columns of a block, tokens of a tile, and from one row of its shared memory to the next.
    private const int UpColumns = 256, UpTile = 32, UpStride = UpColumns + 2;

    /// <summary>Blocks per multiprocessor at many tokens: a block reads its part of every A once, so there are no more than fit at once, or
    /// twice as many as fit with masks, which are uneven work.</summary>
    private const int UpBlocksPerMultiprocessor = 3, UpBlocksPerMultiprocessorMasked = 4;

    private readonly Kernel _lowRankUp = new("low_rank_up.cu", "low_rank_up");
    private readonly Kernel _lowRankUpMasked = new("low_rank_up.cu", "low_rank_up_masked");
    private readonly Kernel _lowRankUpUnaligned = new("low_rank_up.cu", "low_rank_up_unaligned");

    /// <summary>y += s · xa · Bᵀ.</summary>
    private void AddLowRank(Tensor xa, LoraAdapter adapter, Tensor y)
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
            args.Scale[s] = adapter.Scale;
            if (args.Count == MaxSlices) LaunchLowRankUp(ref args);
        }

        if (args.Count > 0) LaunchLowRankUp(ref args);
    }

    /// <summary>dx = base + Σ dropoutᵢᵀ(dxaᵢ · Aᵢ), plus dx itself where <paramref name="add"/>; the base's gradient and every dxa lie side
    /// by side in
    /// <paramref name="both"/>.</summary>
    private void AddInputGradients(AugmentedRows both, IReadOnlyList<Projection> projections, Tensor dx, bool add)
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
                args.Scale[s] = Kept(adapter.Dropout);
                (args.Seed[s], args.Stream[s], args.Threshold[s]) = MaskOf(adapter.Dropout, i);
                if (args.Count == MaxSlices) LaunchLowRankUp(ref args);
            }
        }

        if (args.Count > 0) LaunchLowRankUp(ref args);
    }

    /// <summary>What comes after is added to what this launch wrote.</summary>
    private void LaunchLowRankUp(ref LowRankUpArgs args)
    {
        bool aligned = args.Dim % 8 == 0 && args.SourceStride % 8 == 0, masked = false;
        for (int s = 0; s < args.Count; s++)
        {
            aligned &= (args.PStride[s] | args.Ranks[s]) % 8 == 0;
            masked |= args.Threshold[s] > 0;
        }

        int strips = Tiles(args.Dim, UpColumns), perMultiprocessor = masked ? UpBlocksPerMultiprocessorMasked : UpBlocksPerMultiprocessor;
        args.TokensPerBlock = TokensPerBlock(args.Tokens, perMultiprocessor * Device.Multiprocessors / strips, UpTile);
        int sharedBytes = args.Count * SliceRanks / 2 * UpStride * sizeof(uint) + 2 * UpTile * (args.Count * SliceRanks + 8) * sizeof(ushort);
        var kernel = !aligned ? _lowRankUpUnaligned : masked ? _lowRankUpMasked : _lowRankUp;
        Launch(kernel, new Dim3(strips, Tiles(args.Tokens, args.TokensPerBlock)), 256, sharedBytes, in args);
        (args.Source, args.SourceStride, args.Add, args.Count) = (args.Y, args.Dim, 0, 0);
    }

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
