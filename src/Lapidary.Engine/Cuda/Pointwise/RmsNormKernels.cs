using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>RMSNorm of rows.</summary>
internal sealed class RmsNormKernels(Launcher launcher)
{
    private readonly Kernel _forward1 = new("rms_norm.cu", "rms_norm_forward_1");
    private readonly Kernel _forward8 = new("rms_norm.cu", "rms_norm_forward_8");
    private readonly Kernel _backward1 = new("rms_norm.cu", "rms_norm_backward_1");
    private readonly Kernel _backward8 = new("rms_norm.cu", "rms_norm_backward_8");

    /// <inheritdoc cref="IOps.RmsNormForward"/>
    public void Forward(Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd)
    {
        var (rows, dim) = Rows(x);
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
        });
    }

    /// <inheritdoc cref="IOps.RmsNormBackward"/>
    public void Backward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, bool add)
    {
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
    }

    private struct RmsNormBackwardArgs
    {
        public nint Dy, X, Weight, Rstd, Dx;
        public int WeightType, Dim, Add;
    }
}
