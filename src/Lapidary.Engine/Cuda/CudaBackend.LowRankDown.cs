namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _lowRankDown1x16 = new("low_rank_down.cu", "low_rank_down_1x16");
    private readonly Kernel _lowRankDown1x32 = new("low_rank_down.cu", "low_rank_down_1x32");
    private readonly Kernel _lowRankDown3x16 = new("low_rank_down.cu", "low_rank_down_3x16");
    private readonly Kernel _lowRankDown3x32 = new("low_rank_down.cu", "low_rank_down_3x32");
    private readonly Kernel _lowRankDown8x16 = new("low_rank_down.cu", "low_rank_down_8x16");
    private readonly Kernel _lowRankDownUnaligned = new("low_rank_down.cu", "low_rank_down_unaligned");

    /// <summary>From this many tokens on a block of low_rank_down takes more of them: there are blocks enough, and A is read less often.</summary>
    internal int ManyTokens { get; init; } = 8192;

    /// <summary>xaᵢ = dropoutᵢ(x) · Aᵢᵀ for all adapters.</summary>
    private void LowRankDown(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas)
    {
        var (tokens, dim) = Rows(x);
        var args = new LowRankDownArgs { X = x.Address, Tokens = tokens, Dim = dim };
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { } adapter) continue;
            int r = Rank(adapter);
            for (int first = 0; first < r; first += SliceRanks)
            {
                int s = args.Count++;
                args.A[s] = adapter.A.Value.Address + (nint)first * dim * sizeof(float);
                args.Y[s] = xas[i]!.Address + first * sizeof(ushort);
                args.Ranks[s] = Math.Min(SliceRanks, r - first);
                args.YStride[s] = r;
                args.Scale[s] = Kept(adapter.Dropout);
                (args.Seed[s], args.Stream[s], args.Threshold[s]) = MaskOf(adapter.Dropout, i);
                if (args.Count == MaxSlices) LaunchLowRankDown(ref args);
            }
        }

        if (args.Count > 0) LaunchLowRankDown(ref args);
    }

    private void LaunchLowRankDown(ref LowRankDownArgs args)
    {
        bool many = args.Tokens >= ManyTokens;
        var (kernel, tokens) = args.Count switch
        {
            _ when args.Dim % 8 != 0 => (_lowRankDownUnaligned, 16),
            1 => many ? (_lowRankDown1x32, 32) : (_lowRankDown1x16, 16),
            <= 3 => many ? (_lowRankDown3x32, 32) : (_lowRankDown3x16, 16),
            _ => (_lowRankDown8x16, 16),
        };
        Launch(kernel, Tiles(args.Tokens, tokens), 256, sharedBytes: 0, in args);
        args.Count = 0;
    }

    private struct LowRankDownArgs
    {
        public nint X;
        public fixed long A[MaxSlices];
        public fixed long Y[MaxSlices];
        public fixed long Seed[MaxSlices];
        public fixed int Stream[MaxSlices];
        public fixed uint Threshold[MaxSlices];
        public fixed float Scale[MaxSlices];
        public fixed int Ranks[MaxSlices];
        public fixed int YStride[MaxSlices];
        public int Count, Tokens, Dim;
    }
}
