using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _augmentedWeight = new("augmented_weight.cu", "augmented_weight");
    private readonly Kernel _augmentedWeightNf4 = new("augmented_weight.cu", "augmented_weight_nf4");
    private readonly Kernel _transpose = new("transpose.cu", "transpose");

    /// <summary>[W | 0 | s · B | 0] in bf16, [out, dim + extra] with dim rounded up to 8, good until the next weight is decoded.</summary>
    private nint AugmentedWeight(in Projection projection, int offset, int dim, int extra)
    {
        nint y = _scratch.Get(DecodedWeight, AugmentedBytes(projection.Weight, dim, extra));
        WriteAugmentedWeight(projection, offset, dim, extra, y);
        return y;
    }

    private static long AugmentedBytes(Tensor weight, int dim, int extra) =>
        DType.BFloat16.LengthBytes(weight.Shape[0] * (AugmentedLayout.RoundUp8(dim) + extra));

    /// <summary>Queues the decoding of a weight with the columns of its adapter.</summary>
    private void WriteAugmentedWeight(in Projection projection, int offset, int dim, int extra, nint y)
    {
        var (weight, adapter) = projection;
        int rows = Rows(weight).Rows;
        int runs = Runs(rows, AugmentedLayout.RoundUp8(dim) + extra);
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
    }

    /// <summary>[W ; A] in bf16, [out + r, dim] with dim % 8 == 0, good until the next weight is decoded.</summary>
    private nint StackedWeight(Tensor weight, Tensor a)
    {
        nint y = CopiedWeight(weight, Rows(a).Rows);
        ConvertToBFloat16(a, y + (nint)DType.BFloat16.LengthBytes(weight.Count));
        return y;
    }

    /// <summary>W in bf16, [out, dim]: its own memory, or a copy good until the next weight is decoded.</summary>
    /// <param name="weight">Of any type.</param> <param name="rowsBelow">Those that <see cref="StackedWeight"/> will ask for, so that one
    /// copy serves both.</param>
    private nint PlainWeight(Tensor weight, int rowsBelow) => weight.DType == DType.BFloat16 ? weight.Address : CopiedWeight(weight, rowsBelow);

    /// <summary>A copy of W in bf16 with room for more rows below.</summary>
    private nint CopiedWeight(Tensor weight, int rowsBelow)
    {
        int dim = Rows(weight).Dim;
        long lengthBytes = DType.BFloat16.LengthBytes(weight.Count + (long)rowsBelow * dim);
        nint y = KeptCopy(new DecodedWeights.Form(weight, Place: 0, ExtraColumns: 0, rowsBelow), lengthBytes, out bool isDecoded);
        if (y == 0) y = _scratch.Get(DecodedWeight, lengthBytes);
        if (isDecoded) return y;
        if (weight.DType == DType.BFloat16) WriteAugmentedWeight(new Projection(weight, Adapter: null), offset: 0, dim, extra: 0, y);
        else Decode(weight, y);
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
