namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _augmentedWeight = new("augmented_weight.cu", "augmented_weight");
    private readonly Kernel _augmentedWeightNf4 = new("augmented_weight.cu", "augmented_weight_nf4");
    private readonly Kernel _transpose = new("transpose.cu", "transpose");

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

    /// <summary>[W ; A] in bf16, [out + r, dim] with dim % 8 == 0, good until the next weight is decoded.</summary>
    private nint StackedWeight(Tensor weight, Tensor a)
    {
        var (rows, dim) = Rows(weight);
        // Asked for at once, so that the weight comes to the head of a block with room for A.
        nint y = _scratch.Get(DecodedWeight, DType.BFloat16.LengthBytes(weight.Count + a.Count));
        AugmentedWeight(new Projection(weight, Adapter: null), offset: 0, dim, extra: 0);
        ConvertToBFloat16(a, y + (nint)DType.BFloat16.LengthBytes(weight.Count));
        return y;
    }

    /// <summary>xᵀ of an fp32 matrix, good until the next one.</summary>
    private nint Transposed(Tensor x)
    {
        var (rows, columns) = Rows(x);
        var args = new TransposeArgs { X = x.Address, Y = _scratch.Get("transposed", x.Count * sizeof(float)), Rows = rows, Columns = columns };
        Launch(_transpose, new Dim3(Tiles(columns, 32), Tiles(rows, 32)), new Dim3(32, 8), sharedBytes: 0, in args);
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

    private struct TransposeArgs
    {
        public nint X, Y;
        public int Rows, Columns;
    }
}
