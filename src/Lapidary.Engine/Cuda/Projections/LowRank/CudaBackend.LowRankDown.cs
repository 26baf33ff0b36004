using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    /// <summary>As low_rank_down_tall.cu has them: tokens of a block, stages, and elements from one row of its shared memory to the
    /// next.</summary>
    private const int TallTokens = 64, TallStages = 4, TallStride = 72;

    /// <summary>Shared memory of a stage's tile of x, and of each factor's.</summary>
    private const int TallXBytes = TallTokens * TallStride * sizeof(ushort), TallFactorBytes = SliceRanks * TallStride * sizeof(float);

    private readonly Kernel _lowRankDown1 = new("low_rank_down.cu", "low_rank_down_1");
    private readonly Kernel _lowRankDown3 = new("low_rank_down.cu", "low_rank_down_3");
    private readonly Kernel _lowRankDown8 = new("low_rank_down.cu", "low_rank_down_8");
    private readonly Kernel _lowRankDownUnaligned = new("low_rank_down.cu", "low_rank_down_unaligned");
    private readonly Kernel _lowRankDownTall = new("low_rank_down_tall.cu", "low_rank_down_tall");
    private readonly Kernel _lowRankDownTallMasks = new("low_rank_down_tall.cu", "low_rank_down_tall_masks");

    /// <summary>From this many tokens on blocks of 64 fill the device, and read the factors a quarter as often as those of 16.</summary>
    internal int ManyTokens { get; init; } = 8192;

    /// <summary>xaᵢ = dropoutᵢ(x) · Aᵢᵀ for all adapters.</summary>
    private void LowRankDown(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, AugmentedRows rows = default)
    {
        var args = NewLowRankDown(x, rows);
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { } adapter) continue;
            var slices = new DownSlices(adapter.A.Value.Address, Rank(adapter), Kept(adapter.Dropout), xas[i]!.Address, rows.Layout.Column(i));
            AddSlices(ref args, slices, MaskOf(adapter.Dropout, i));
        }

        if (args.Count > 0) LaunchLowRankDown(ref args);
    }

    /// <summary>dxa = s · dy · B, behind dy in <paramref name="rows"/> alone.</summary>
    private void LowRankDown(Tensor dy, LoraAdapter adapter, AugmentedRows rows)
    {
        var args = NewLowRankDown(dy, rows);
        var slices = new DownSlices(Transposed(adapter.B.Value), Rank(adapter), adapter.Scale, Y: 0, rows.Layout.Column(0));
        AddSlices(ref args, slices, MaskOf(dropout: null, projection: 0));
        if (args.Count > 0) LaunchLowRankDown(ref args);
    }

    private static LowRankDownArgs NewLowRankDown(Tensor x, AugmentedRows rows)
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
            if (args.Count == MaxSlices) LaunchLowRankDown(ref args);
        }
    }

    private void LaunchLowRankDown(ref LowRankDownArgs args)
    {
        int tallBytes = TallStages * (TallXBytes + args.Count * TallFactorBytes);
        if (args.Dim % 8 == 0 && args.Tokens >= ManyTokens && tallBytes <= Device.MaxSharedBytesPerBlock)
        {
            bool masks = false;
            for (int s = 0; s < args.Count; s++) masks |= args.Threshold[s] != 0;
            Launch(masks ? _lowRankDownTallMasks : _lowRankDownTall, Tiles(args.Tokens, TallTokens), 256, tallBytes, in args);
        }
        else
        {
            var kernel = args.Count switch
            {
                _ when args.Dim % 8 != 0 => _lowRankDownUnaligned,
                1 => _lowRankDown1,
                <= 3 => _lowRankDown3,
                _ => _lowRankDown8,
            };
            Launch(kernel, Tiles(args.Tokens, 16), 256, sharedBytes: 0, in args);
        }

        (args.Count, args.Copies) = (0, 0); // what comes after adds its own columns
    }

    /// <summary>A factor [r, dim] of fp32 and where its product goes: a tensor [tokens, r], or 0, and columns of the augmented
    /// rows.</summary>
    private readonly record struct DownSlices(nint Factor, int R, float Scale, nint Y, int Column);

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
