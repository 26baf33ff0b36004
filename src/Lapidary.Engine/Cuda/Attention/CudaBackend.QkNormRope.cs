using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private const int HeadsPerBlock = 8;

    private readonly Kernel _qkNormRopeForward1 = new("qk_norm_rope.cu", "qk_norm_rope_forward_1");
    private readonly Kernel _qkNormRopeForward2 = new("qk_norm_rope.cu", "qk_norm_rope_forward_2");
    private readonly Kernel _qkNormRopeForward4 = new("qk_norm_rope.cu", "qk_norm_rope_forward_4");
    private readonly Kernel _qkNormRopeBackward1 = new("qk_norm_rope.cu", "qk_norm_rope_backward_1");
    private readonly Kernel _qkNormRopeBackward2 = new("qk_norm_rope.cu", "qk_norm_rope_backward_2");
    private readonly Kernel _qkNormRopeBackward4 = new("qk_norm_rope.cu", "qk_norm_rope_backward_4");

    /// <inheritdoc/>
    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd)
    {
        int headDim = checked((int)weight.Count);
        CheckHeadDim(nameof(QkNormRopeForward), headDim, weight);
        var kernel = OfHalf(headDim / 2, _qkNormRopeForward1, _qkNormRopeForward2, _qkNormRopeForward4);
        LaunchEach(kernel, rstd.Count * 32, HeadsPerBlock * 32, new QkNormRopeForwardArgs
        {
            X = x.Address,
            Weight = weight.Address,
            Cos = cos.Address,
            Sin = sin.Address,
            Y = y.Address,
            Rstd = rstd.Address,
            Rows = rstd.Count,
            WeightType = (int)weight.DType,
            HeadDim = headDim,
            Heads = (int)(rstd.Count / cos.Shape[0]),
            Epsilon = epsilon,
        });
    }

    /// <inheritdoc/>
    public void QkNormRopeBackward(Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor dx)
    {
        int headDim = checked((int)weight.Count);
        CheckHeadDim(nameof(QkNormRopeBackward), headDim, weight);
        var kernel = OfHalf(headDim / 2, _qkNormRopeBackward1, _qkNormRopeBackward2, _qkNormRopeBackward4);
        LaunchEach(kernel, rstd.Count * 32, HeadsPerBlock * 32, new QkNormRopeBackwardArgs
        {
            Dy = dy.Address,
            X = x.Address,
            Weight = weight.Address,
            Cos = cos.Address,
            Sin = sin.Address,
            Rstd = rstd.Address,
            Dx = dx.Address,
            Rows = rstd.Count,
            WeightType = (int)weight.DType,
            HeadDim = headDim,
            Heads = (int)(rstd.Count / cos.Shape[0]),
        });
    }

    /// <summary>The widest kernel whose accesses fill a warp with half a head.</summary>
    private static Kernel OfHalf(int half, Kernel one, Kernel two, Kernel four) => half % 128 == 0 ? four : half % 64 == 0 ? two : one;

    private static void CheckHeadDim(string op, int headDim, Tensor tensor)
    {
        if (headDim > 256 || headDim % 2 != 0) throw new ShapeException(op, "headDim", "an even head dimension of at most 256 on CUDA", tensor);
    }

    private struct QkNormRopeForwardArgs
    {
        public nint X, Weight, Cos, Sin, Y, Rstd;
        public long Rows;
        public int WeightType, HeadDim, Heads;
        public float Epsilon;
    }

    private struct QkNormRopeBackwardArgs
    {
        public nint Dy, X, Weight, Cos, Sin, Rstd, Dx;
        public long Rows;
        public int WeightType, HeadDim, Heads;
    }
}
