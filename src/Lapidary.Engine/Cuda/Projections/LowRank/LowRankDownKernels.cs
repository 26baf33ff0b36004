using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;
using static Lapidary.Engine.Cuda.Projections.LowRank.RankSlices;

namespace Lapidary.Engine.Cuda.Projections.LowRank;

/// <summary>Down-projection of adapters: from the wide input, or the gradient of a wide output, to r columns.</summary>
internal sealed unsafe class LowRankDownKernels(CudaRuntime runtime)
{
    /// <summary>As low_rank_down_tall.cu has them: tokens of a block, stages, and elements from one row of its shared memory to the
    /// next.</summary>
    private const int TallTokens = 64, TallStages = 4, TallStride = 72;

    /// <summary>Shared memory of a stage's tile of x, and of each factor's.</summary>
    private const int TallXBytes = TallTokens * TallStride * sizeof(ushort), TallFactorBytes = SliceRanks * TallStride * sizeof(float);

    /// <summary>Rows and columns of a block of transpose.cu.</summary>
    private const int TransposeTile = 32;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly float _factorOfB = runtime.FactorOfB;
    private readonly Kernel _down1 = new("low_rank_down.cu", "low_rank_down_1");
    private readonly Kernel _down3 = new("low_rank_down.cu", "low_rank_down_3");
    private readonly Kernel _down8 = new("low_rank_down.cu", "low_rank_down_8");
    private readonly Kernel _downUnaligned = new("low_rank_down.cu", "low_rank_down_unaligned");
    private readonly Kernel _downTall = new("low_rank_down_tall.cu", "low_rank_down_tall");
    private readonly Kernel _downTallMasks = new("low_rank_down_tall.cu", "low_rank_down_tall_masks");
    private readonly Kernel _transpose = new("transpose.cu", "transpose");

    /// <summary>xaᵢ = dropoutᵢ(x) · Aᵢᵀ for all adapters, divided by the factor of B.</summary>
    public void Run(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, AugmentedRows rows = default)
    {
        var args = NewArgs(x, rows);
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { } adapter) continue;
            nint factor = adapter.A.Value.Address;
            float scale = KeptScale(adapter.Dropout) / _factorOfB;
            var slices = new DownSlices(factor, Rank(adapter), scale, xas[i]!.Address, rows.Layout.Column(i));
            AddSlices(ref args, slices, MaskOf(adapter.Dropout, i));
        }

        if (args.Count > 0) Launch(ref args);
    }

    /// <summary>dxa = s · dy · B of one adapter, with the factor of B, behind dy in <paramref name="rows"/> alone.</summary>
    public void RunTransposed(Tensor dy, LoraAdapter adapter, AugmentedRows rows)
    {
        var args = NewArgs(dy, rows);
        var slices = new DownSlices(Transposed(adapter.B.Value), Rank(adapter), adapter.Scale, Y: 0, rows.Layout.Column(0));
        AddSlices(ref args, slices, MaskOf(dropout: null, projection: 0));
        if (args.Count > 0) Launch(ref args);
    }

    private static LowRankDownArgs NewArgs(Tensor x, AugmentedRows rows)
    {
        var (tokens, dim) = Rows(x);
        return new LowRankDownArgs
        {
            X = x.Address,
            Rows = rows.Address,
            Width = rows.Layout.Width,
            Copies = rows.Address == 0 ? 0 : 1,
            Tokens = tokens,
            Dim = dim,
        };
    }

    private void AddSlices(ref LowRankDownArgs args, in DownSlices slices, (nint Seed, int Stream, uint Threshold) mask)
    {
        for (int first = 0; first < slices.R; first += SliceRanks)
        {
            int s = args.Count++;
            args.A[s] = slices.Factor + (nint)first * args.Dim * sizeof(float);
            args.Y[s] = slices.Y == 0 ? 0 : slices.Y + first * sizeof(ushort);
            args.Ranks[s] = Math.Min(SliceRanks, slices.R - first);
            args.YStride[s] = slices.R;
            args.Column[s] = slices.Column + first;
            args.Scale[s] = slices.Scale;
            (args.Seed[s], args.Stream[s], args.Threshold[s]) = mask;
            if (args.Count == MaxSlices) Launch(ref args);
        }
    }

    private void Launch(ref LowRankDownArgs args)
    {
        int tallBytes = TallStages * (TallXBytes + args.Count * TallFactorBytes);
        if (args.Dim % 8 == 0 && args.Tokens >= runtime.Thresholds.ManyTokens && tallBytes <= runtime.SharedBytes)
        {
            bool masks = false;
            for (int s = 0; s < args.Count; s++) masks |= args.Threshold[s] != 0;
            _launcher.Launch(masks ? _downTallMasks : _downTall, Tiles(args.Tokens, TallTokens), 256, tallBytes, in args);
        }
        else
        {
            var kernel = args.Count switch
            {
                _ when args.Dim % 8 != 0 => _downUnaligned,
                1 => _down1,
                <= 3 => _down3,
                _ => _down8,
            };
            _launcher.Launch(kernel, Tiles(args.Tokens, 16), 256, sharedBytes: 0, in args);
        }

        (args.Count, args.Copies) = (0, 0); // what comes after adds its own columns
    }

    /// <summary>Bᵀ in fp32 with the factor of B, good until the next one.</summary>
    private nint Transposed(Tensor x)
    {
        var (rows, columns) = Rows(x);
        var args = new TransposeArgs
        {
            X = x.Address,
            Y = runtime.Scratch.Get("transposed", x.Count * sizeof(float)),
            Rows = rows,
            Columns = columns,
        };
        var grid = new Dim3(Tiles(columns, TransposeTile), Tiles(rows, TransposeTile));
        _launcher.Launch(_transpose, grid, new Dim3(TransposeTile, 8), sharedBytes: 0, in args);
        return args.Y;
    }

    /// <summary>A factor [r, dim] of fp32 and where its product goes: a tensor [tokens, r], or 0, and columns of the augmented
    /// rows.</summary>
    private readonly record struct DownSlices(nint Factor, int R, float Scale, nint Y, int Column);

    private struct TransposeArgs
    {
        public nint X, Y;
        public int Rows, Columns;
    }

    private struct LowRankDownArgs
    {
        public nint X, Rows;
        public fixed long A[MaxSlices];
        public fixed long Y[MaxSlices];
        public fixed long Seed[MaxSlices];
        public fixed int Stream[MaxSlices];
        public fixed uint Threshold[MaxSlices];
        public fixed float Scale[MaxSlices];
        public fixed int Ranks[MaxSlices];
        public fixed int YStride[MaxSlices];
        public fixed int Column[MaxSlices];
        public int Count, Tokens, Dim, Width, Copies;
    }
}
