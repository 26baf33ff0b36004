using Lapidary.Engine.Cpu.Attention;
using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void QkvToCache(
        Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys, Tensor values)
    {
        float* rstd = (float*)_scratch.Get("rstd of heads", q.Count / norms.Q.Count * sizeof(float));
        NormRope(q, norms.Q, rope.Cos, rope.Sin, norms.Epsilon, q, rstd);
        NormRope(k, norms.K, rope.Cos, rope.Sin, norms.Epsilon, k, rstd);
        KvAppend(k, v, slots, positions, keys, values);
    }

    /// <inheritdoc/>
    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd) =>
        NormRope(x, weight, cos, sin, epsilon, y, rstd.Pointer<float>());

    /// <inheritdoc/>
    public void QkNormRopeBackward(Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor dx)
    {
        int headDim = checked((int)weight.Count);
        _team.Run(x.Count / headDim, WorkerTeam.RowGrain(headDim), new QkNormRopeBackwardKernel
        {
            Dy = dy.Pointer<float>(),
            X = x.Pointer<float>(),
            Gain = NormGain.Of(weight, _scratch, isCount: OnlyCounts),
            Cos = cos.Pointer<float>(),
            Sin = sin.Pointer<float>(),
            Rstd = rstd.Pointer<float>(),
            Dx = dx.Pointer<float>(),
            HeadDim = headDim,
            Heads = (int)(x.Count / cos.Shape[0] / headDim),
        });
    }

    /// <summary>y may be x: a pair is read before it is written.</summary>
    private void NormRope(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, float* rstd)
    {
        int headDim = checked((int)weight.Count);
        _team.Run(x.Count / headDim, WorkerTeam.RowGrain(headDim), new QkNormRopeKernel
        {
            X = x.Pointer<float>(),
            Gain = NormGain.Of(weight, _scratch, isCount: OnlyCounts),
            Cos = cos.Pointer<float>(),
            Sin = sin.Pointer<float>(),
            Y = y.Pointer<float>(),
            Rstd = rstd,
            HeadDim = headDim,
            Heads = (int)(x.Count / cos.Shape[0] / headDim),
            Epsilon = epsilon,
        });
    }
}
