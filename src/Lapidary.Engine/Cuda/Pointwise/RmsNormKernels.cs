using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>RMSNorm of rows.</summary>
internal sealed class RmsNormKernels(Launcher launcher, NormWeightKernels weights, ArrangedRows arranged)
{
    /// <summary>Runs of a thread that the pair's kernels keep: of 8 elements, of one.</summary>
    private const int LongRuns = 3, ShortRuns = 8;

    private readonly Kernel _forward1 = new("rms_norm.cu", "rms_norm_forward_1");
    private readonly Kernel _forward8 = new("rms_norm.cu", "rms_norm_forward_8");
    private readonly Kernel _pair1 = new("rms_norm.cu", "rms_norm_pair_1");
    private readonly Kernel _pair8 = new("rms_norm.cu", "rms_norm_pair_8");
    private readonly Kernel _pairLong = new("rms_norm.cu", "rms_norm_pair_long");
    private readonly Kernel _backward1 = new("rms_norm.cu", "rms_norm_backward_1");
    private readonly Kernel _backward8 = new("rms_norm.cu", "rms_norm_backward_8");

    /// <inheritdoc cref="IOps.RmsNormForward"/>
    public void Forward(Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd, Tensor? next)
    {
        var (rows, dim) = Rows(x);
        var copy = arranged.Place(RowMaker.Norm, y, next);
        launcher.Launch(dim % 8 == 0 ? _forward8 : _forward1, rows, Threads(dim), sharedBytes: 0, new RmsNormForwardArgs
        {
            X = x.Address,
            Weight = weight.Address,
            Residual = residual?.Address ?? 0,
            Y = y.Address,
            Rstd = rstd.Address,
            WeightType = (int)weight.DType,
            Dim = dim,
            Epsilon = epsilon,
            Copy = copy,
        });
        arranged.Add(y, copy);
    }

    /// <inheritdoc cref="IOps.RmsNormPair"/>
    /// <remarks>Blocks of a norm leave room for those of the product after it, so they call it before they wait: NF4's fill their tables
    /// meanwhile. Dense weights gain nothing by it.</remarks>
    public void Pair(
        Tensor x, Tensor weight, Tensor residual, Tensor nextWeight, float epsilon, Tensor h, Tensor y, Tensor rstd, Tensor? next)
    {
        var (rows, dim) = Rows(x);
        int threads = Threads(dim), width = dim % 8 == 0 ? 8 : 1, runs = Tiles(dim, width * threads);
        if (runs > (width == 8 ? LongRuns : ShortRuns))
        {
            Forward(x, weight, residual, epsilon, h, rstd, next: null);
            Forward(h, nextWeight, null, epsilon, y, rstd, next);
            return;
        }

        var copy = arranged.Place(RowMaker.Norm, y, next);
        launcher.Launch(width == 1 ? _pair1 : runs == 1 ? _pair8 : _pairLong, rows, threads, sharedBytes: 0, new RmsNormPairArgs
        {
            X = x.Address,
            Weight = weight.Address,
            Residual = residual.Address,
            NextWeight = nextWeight.Address,
            H = h.Address,
            Y = y.Address,
            WeightType = (int)weight.DType,
            NextWeightType = (int)nextWeight.DType,
            Dim = dim,
            CallsFirst = next?.DType == DType.NF4 ? 1 : 0,
            Epsilon = epsilon,
            Copy = copy,
        });
        arranged.Add(y, copy);
    }

    /// <inheritdoc cref="IOps.RmsNormBackward"/>
    public void Backward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor? dx, bool add, Tensor? dWeight)
    {
        if (dWeight is not null) weights.AddOfRmsNorm(dy, x, rstd, dWeight);
        if (dx is null) return;
        var (rows, dim) = Rows(x);
        launcher.Launch(dim % 8 == 0 ? _backward8 : _backward1, rows, Threads(dim), sharedBytes: 0, new RmsNormBackwardArgs
        {
            Dy = dy.Address,
            X = x.Address,
            Weight = weight.Address,
            Rstd = rstd.Address,
            Dx = dx.Address,
            WeightType = (int)weight.DType,
            Dim = dim,
            Add = add ? 1 : 0,
            Post = dy.DType == DType.Float32 ? 1 : 0,
        });
    }

    /// <summary>Threads of a block that takes a row: whole warps, no more than have elements, at most 256.</summary>
    private static int Threads(int dim)
    {
        int runs = dim % 8 == 0 ? dim / 8 : dim;
        return Math.Min(256, (runs + 31) & ~31);
    }

    private struct RmsNormForwardArgs
    {
        public nint X, Weight, Residual, Y, Rstd;
        public int WeightType, Dim;
        public float Epsilon;
        public ArrangedCopy Copy;
    }

    private struct RmsNormPairArgs
    {
        public nint X, Weight, Residual, NextWeight, H, Y;
        public int WeightType, NextWeightType, Dim, CallsFirst;
        public float Epsilon;
        public ArrangedCopy Copy;
    }

    private struct RmsNormBackwardArgs
    {
        public nint Dy, X, Weight, Rstd, Dx;
        public int WeightType, Dim, Add, Post;
    }
}
