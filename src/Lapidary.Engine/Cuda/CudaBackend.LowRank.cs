namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int DropoutThreads = 256;
    private const int DropoutWidth = 8;

    private readonly Kernel _lowRankDown16 = new("low_rank.cu", "low_rank_down_16");
    private readonly Kernel _lowRankDown32 = new("low_rank.cu", "low_rank_down_32");
    private readonly Kernel _lowRankUp = new("low_rank.cu", "low_rank_up");
    private readonly Kernel _lowRankUpTransposed = new("low_rank.cu", "low_rank_up_transposed");
    private readonly Kernel _dropout = new("dropout.cu", "dropout");

    /// <summary>xa = dropout(x) · Aᵀ.</summary>
    private void LowRankDown(Tensor x, LoraAdapter adapter, Tensor xa)
    {
        var (tokens, dim) = Rows(x);
        int r = Rows(xa).Dim, columns = r <= 16 ? 16 : 32;
        Launch(columns == 16 ? _lowRankDown16 : _lowRankDown32, new Dim3(Tiles(tokens, 16), Tiles(r, columns)), 256, sharedBytes: 0, new LowRankDownArgs
        {
            X = x.Address,
            A = adapter.A.Value.Address,
            Y = xa.Address,
            Mask = Mask.Of(Active(adapter.Dropout)),
            Scale = Kept(adapter.Dropout),
            Tokens = tokens,
            Dim = dim,
            R = r,
        });
    }

    /// <summary>y += s · xa · Bᵀ.</summary>
    private void AddLowRank(Tensor xa, LoraAdapter adapter, Tensor y)
    {
        var (tokens, dim) = Rows(y);
        int r = Rows(xa).Dim;
        var args = new LowRankUpArgs { Source = y.Address, SourceStride = dim, Y = y.Address, PStride = r, Count = 1, Tokens = tokens, Dim = dim };
        args.P[0] = xa.Address;
        args.M[0] = adapter.B.Value.Address;
        args.Scale[0] = adapter.Scale;
        args.R[0] = r;
        LaunchLowRankUp(_lowRankUpTransposed, in args);
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
            PStride = layout.Width,
            Tokens = tokens,
            Dim = dim,
            Add = add ? 1 : 0,
        };
        for (int i = 0; i < projections.Count; i++)
        {
            if (projections[i].Adapter is not { } adapter) continue;
            int term = args.Count++;
            args.P[term] = both + layout.AdapterBytes(i);
            args.M[term] = adapter.A.Value.Address;
            args.Scale[term] = Kept(adapter.Dropout);
            args.R[term] = Rows(adapter.A.Value).Rows;
            if (Active(adapter.Dropout) is not { } dropout) continue;
            args.Seed[term] = dropout.Seed.Address;
            args.Stream[term] = dropout.Stream;
            args.Threshold[term] = dropout.Threshold;
        }

        LaunchLowRankUp(_lowRankUp, in args);
    }

    private void LaunchLowRankUp(Kernel kernel, in LowRankUpArgs args) =>
        Launch(kernel, new Dim3(Tiles(args.Dim, 256), Tiles(args.Tokens, 32)), 256, sharedBytes: 0, in args);

    /// <summary>dropout(x): x itself, or a copy in scratch.</summary>
    private nint Dropped(Tensor x, Dropout? dropout)
    {
        if (Active(dropout) is not { } active) return x.Address;
        nint copy = _scratch.Get("LoRA dropout", x.LengthBytes);
        LaunchEach(_dropout, (x.Count + DropoutWidth - 1) / DropoutWidth, DropoutThreads, new DropoutArgs
        {
            X = x.Address,
            Y = copy,
            Mask = Mask.Of(active),
            Count = x.Count,
            Scale = Kept(active),
        });
        return copy;
    }

    private static Dropout? Active(Dropout? dropout) => dropout is { Probability: > 0 } ? dropout : null;

    /// <summary>Factor of the elements that dropout keeps.</summary>
    private static float Kept(Dropout? dropout) => dropout is null ? 1 : 1 / (1 - dropout.Probability);

    /// <summary>A dropout mask; none where the threshold is 0.</summary>
    private struct Mask
    {
        public nint Seed;
        public int Stream;
        public uint Threshold;

        public static Mask Of(Dropout? dropout) => dropout is null
            ? default
            : new Mask { Seed = dropout.Seed.Address, Stream = dropout.Stream, Threshold = dropout.Threshold };
    }

    private struct LowRankDownArgs
    {
        public nint X, A, Y;
        public Mask Mask;
        public float Scale;
        public int Tokens, Dim, R;
    }

    private struct LowRankUpArgs
    {
        public nint Source, Y;
        public fixed long P[MaxProjections];
        public fixed long M[MaxProjections];
        public fixed long Seed[MaxProjections];
        public fixed int Stream[MaxProjections];
        public fixed uint Threshold[MaxProjections];
        public fixed float Scale[MaxProjections];
        public fixed int R[MaxProjections];
        public long SourceStride, PStride;
        public int Count, Tokens, Dim, Add;
    }

    private struct DropoutArgs
    {
        public nint X, Y;
        public Mask Mask;
        public long Count;
        public float Scale;
    }
}
