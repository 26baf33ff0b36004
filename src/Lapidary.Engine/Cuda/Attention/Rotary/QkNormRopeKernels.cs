using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Pointwise;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Attention.Rotary;

/// <summary>The norm of queries and keys and their rotation, per head.</summary>
internal sealed class QkNormRopeKernels(Launcher launcher, NormWeightKernels weights)
{
    private const int HeadsPerBlock = 8;

    private readonly Kernel _forward1 = new("qk_norm_rope.cu", "qk_norm_rope_forward_1");
    private readonly Kernel _forward2 = new("qk_norm_rope.cu", "qk_norm_rope_forward_2");
    private readonly Kernel _forward4 = new("qk_norm_rope.cu", "qk_norm_rope_forward_4");
    private readonly Kernel _toCache1 = new("qk_norm_rope.cu", "qkv_to_cache_1");
    private readonly Kernel _toCache2 = new("qk_norm_rope.cu", "qkv_to_cache_2");
    private readonly Kernel _toCache4 = new("qk_norm_rope.cu", "qkv_to_cache_4");
    private readonly Kernel _backward1 = new("qk_norm_rope.cu", "qk_norm_rope_backward_1");
    private readonly Kernel _backward2 = new("qk_norm_rope.cu", "qk_norm_rope_backward_2");
    private readonly Kernel _backward4 = new("qk_norm_rope.cu", "qk_norm_rope_backward_4");

    /// <inheritdoc cref="IOps.QkNormRopeForward"/>
    public void Forward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd)
    {
        int headDim = checked((int)weight.Count);
        HeadDims.Check(nameof(IOps.QkNormRopeForward), headDim, weight);
        var kernel = OfHalf(headDim / 2, _forward1, _forward2, _forward4);
        launcher.LaunchEach(kernel, rstd.Count * WarpSize, HeadsPerBlock * WarpSize, new QkNormRopeForwardArgs
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

    /// <inheritdoc cref="IOps.QkvToCache"/>
    public void ToCache(
        Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys, Tensor values)
    {
        int headDim = checked((int)norms.Q.Count), tokens = checked((int)slots.Count);
        HeadDims.Check(nameof(IOps.QkvToCache), headDim, norms.Q);
        int heads = (int)(q.Count / tokens / headDim), kvHeads = (int)(k.Count / tokens / headDim);
        var kernel = OfHalf(headDim / 2, _toCache1, _toCache2, _toCache4);
        launcher.LaunchEach(kernel, (long)tokens * (heads + (2 * kvHeads)) * WarpSize, HeadsPerBlock * WarpSize, new QkvToCacheArgs
        {
            Q = q.Address,
            K = k.Address,
            V = v.Address,
            QWeight = norms.Q.Address,
            KWeight = norms.K.Address,
            Cos = rope.Cos.Address,
            Sin = rope.Sin.Address,
            Slots = slots.Address,
            Positions = positions.Address,
            Keys = keys.Address,
            Values = values.Address,
            Tokens = tokens,
            Heads = heads,
            KvHeads = kvHeads,
            HeadDim = headDim,
            Capacity = checked((int)keys.Shape[1]),
            QWeightType = (int)norms.Q.DType,
            KWeightType = (int)norms.K.DType,
            Epsilon = norms.Epsilon,
        });
    }

    /// <inheritdoc cref="IOps.QkNormRopeBackward"/>
    public void Backward(Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor? dx, Tensor? dWeight)
    {
        int headDim = checked((int)weight.Count);
        HeadDims.Check(nameof(IOps.QkNormRopeBackward), headDim, weight);
        if (dWeight is not null) weights.AddOfQkNorm(dy, x, cos, sin, rstd, dWeight);
        if (dx is null) return;
        var kernel = OfHalf(headDim / 2, _backward1, _backward2, _backward4);
        launcher.LaunchEach(kernel, rstd.Count * WarpSize, HeadsPerBlock * WarpSize, new QkNormRopeBackwardArgs
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

    private struct QkNormRopeForwardArgs
    {
        public nint X, Weight, Cos, Sin, Y, Rstd;
        public long Rows;
        public int WeightType, HeadDim, Heads;
        public float Epsilon;
    }

    private struct QkvToCacheArgs
    {
        public nint Q, K, V, QWeight, KWeight, Cos, Sin, Slots, Positions, Keys, Values;
        public int Tokens, Heads, KvHeads, HeadDim, Capacity, QWeightType, KWeightType;
        public float Epsilon;
    }

    private struct QkNormRopeBackwardArgs
    {
        public nint Dy, X, Weight, Cos, Sin, Rstd, Dx;
        public long Rows;
        public int WeightType, HeadDim, Heads;
    }
}
