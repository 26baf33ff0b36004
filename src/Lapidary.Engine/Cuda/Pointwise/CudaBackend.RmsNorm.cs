using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _rmsNormForward1 = new("rms_norm.cu", "rms_norm_forward_1");
    private readonly Kernel _rmsNormForward8 = new("rms_norm.cu", "rms_norm_forward_8");
    private readonly Kernel _rmsNormBackward1 = new("rms_norm.cu", "rms_norm_backward_1");
    private readonly Kernel _rmsNormBackward8 = new("rms_norm.cu", "rms_norm_backward_8");

    /// <inheritdoc/>
    public void RmsNormForward(Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd)
    {
        var (rows, dim) = Rows(x);
        Launch(dim % 8 == 0 ? _rmsNormForward8 : _rmsNormForward1, rows, NormThreads(dim), sharedBytes: 0, new RmsNormForwardArgs
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

    /// <inheritdoc/>
    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, bool add)
    {
        var (rows, dim) = Rows(x);
        Launch(dim % 8 == 0 ? _rmsNormBackward8 : _rmsNormBackward1, rows, NormThreads(dim), sharedBytes: 0, new RmsNormBackwardArgs
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
    private static int NormThreads(int dim)
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
