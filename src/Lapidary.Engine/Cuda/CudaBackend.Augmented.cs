namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _augmentedWeight = new("augmented.cu", "augmented_weight");
    private readonly Kernel _augmentedWeightNf4 = new("augmented.cu", "augmented_weight_nf4");
    private readonly Kernel _augmentedRows = new("augmented.cu", "augmented_rows");

    /// <summary>[W | 0 | s · B | 0] in bf16, [out, dim + extra] with dim rounded up to 8, good until the next weight is decoded.</summary>
    private nint AugmentedWeight(in Projection projection, int offset, int dim, int extra)
    {
        var (weight, adapter) = projection;
        int rows = Rows(weight).Rows;
        int runs = Runs(rows, AugmentedLayout.RoundUp8(dim) + extra);
        nint y = _scratch.Get(DecodedWeight, DType.BFloat16.LengthBytes((long)runs * ConvertWidth));
        var args = new AugmentedWeightArgs
        {
            Nf4 = weight.Scales is null ? default : Nf4Matrix.Of(weight),
            W = weight.Scales is null ? weight.Address : 0,
            B = adapter?.B.Value.Address ?? 0,
            Y = y,
            Rows = rows,
            Dim = dim,
            DType = (int)weight.DType,
            R = adapter is null ? 0 : Rows(adapter.A.Value).Rows,
            Offset = offset,
            Extra = extra,
            Scale = adapter?.Scale ?? 0,
        };
        if (weight.Scales is not null && dim % ConvertWidth == 0) LaunchRuns(_augmentedWeightNf4, runs, args);
        else LaunchEach(_augmentedWeight, runs, ConvertThreads, args);
        return y;
    }

    /// <summary>[x | xa₀ | xa₁ …] in bf16, good until the next call.</summary>
    private nint AugmentedRows(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor?> xas, in AugmentedLayout layout)
    {
        var (rows, dim) = Rows(x);
        var args = new AugmentedRowsArgs
        {
            X = x.Address,
            Y = _scratch.Get("augmented rows", DType.BFloat16.LengthBytes((long)rows * layout.Width)),
            Rows = rows,
            Dim = dim,
            Width = layout.Width,
        };
        for (int i = 0; i < projections.Count; i++)
        {
            if (xas[i] is not { } xa) continue;
            args.Xas[args.Count] = xa.Address;
            args.R[args.Count++] = Rows(xa).Dim;
        }

        LaunchRuns(_augmentedRows, Runs(rows, layout.Width), args);
        return args.Y;
    }

    /// <summary>Runs of a matrix; the kernels count them in 31 bits.</summary>
    private static int Runs(int rows, int width) => checked(rows * (width / ConvertWidth));

    private struct AugmentedWeightArgs
    {
        public Nf4Matrix Nf4;
        public nint W, B, Y;
        public int Rows, Dim, DType, R, Offset, Extra;
        public float Scale;
    }

    private struct AugmentedRowsArgs
    {
        public nint X, Y;
        public fixed long Xas[MaxProjections];
        public fixed int R[MaxProjections];
        public int Count, Rows, Dim, Width;
    }
}
