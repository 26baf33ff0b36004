namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    /// <summary>Columns and tokens of a block of low_rank_up, and from one row of its shared memory to the next.</summary>
    private const int UpColumns = 256, UpTokens = 64, UpStride = UpColumns + 2;

    private readonly Kernel _lowRankUp = new("low_rank_up.cu", "low_rank_up");
    private readonly Kernel _lowRankUpTransposed = new("low_rank_up.cu", "low_rank_up_transposed");
    private readonly Kernel _lowRankUpUnaligned = new("low_rank_up.cu", "low_rank_up_unaligned");
    private readonly Kernel _lowRankUpTransposedUnaligned = new("low_rank_up.cu", "low_rank_up_transposed_unaligned");

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
            args.MStride[s] = r;
            args.Ranks[s] = Math.Min(SliceRanks, r - first);
            args.Scale[s] = adapter.Scale;
            if (args.Count == MaxSlices) LaunchLowRankUp(ref args, transposed: true);
        }

        if (args.Count > 0) LaunchLowRankUp(ref args, transposed: true);
    }

    /// <summary>dx = base + Σ dropoutᵢᵀ(dxaᵢ · Aᵢ), plus dx itself where <paramref name="add"/>; the base's gradient and every dxa lie side by side in
    /// <paramref name="both"/>, [tokens, layout.Width].</summary>
    private void AddInputGradients(nint both, IReadOnlyList<Projection> projections, in AugmentedLayout layout, Tensor dx, bool add)
    {
        var (tokens, dim) = Rows(dx);
        var args = new LowRankUpArgs
        {
            Source = both,
            SourceStride = layout.Width,
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
                args.P[s] = both + layout.AdapterBytes(i) + first * sizeof(ushort);
                args.PStride[s] = layout.Width;
                args.M[s] = adapter.A.Value.Address + (nint)first * dim * sizeof(float);
                args.Ranks[s] = Math.Min(SliceRanks, r - first);
                args.Scale[s] = Kept(adapter.Dropout);
                (args.Seed[s], args.Stream[s], args.Threshold[s]) = MaskOf(adapter.Dropout, i);
                if (args.Count == MaxSlices) LaunchLowRankUp(ref args, transposed: false);
            }
        }

        if (args.Count > 0) LaunchLowRankUp(ref args, transposed: false);
    }

    /// <summary>What comes after is added to what this launch wrote.</summary>
    private void LaunchLowRankUp(ref LowRankUpArgs args, bool transposed)
    {
        bool aligned = args.Dim % 8 == 0 && args.SourceStride % 8 == 0;
        for (int s = 0; s < args.Count; s++) aligned &= (args.PStride[s] | args.Ranks[s]) % 8 == 0;
        var kernel = (transposed, aligned) switch
        {
            (false, true) => _lowRankUp,
            (true, true) => _lowRankUpTransposed,
            (false, false) => _lowRankUpUnaligned,
            (true, false) => _lowRankUpTransposedUnaligned,
        };
        int sharedBytes = args.Count * SliceRanks / 2 * UpStride * sizeof(uint) + UpTokens * (args.Count * SliceRanks + 8) * sizeof(ushort);
        Launch(kernel, new Dim3(Tiles(args.Dim, UpColumns), Tiles(args.Tokens, UpTokens)), 256, sharedBytes, in args);
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
        public fixed int MStride[MaxSlices];
        public long SourceStride;
        public int Count, Tokens, Dim, Add;
    }
}
