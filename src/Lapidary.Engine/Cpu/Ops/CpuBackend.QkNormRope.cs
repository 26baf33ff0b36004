using Lapidary.Engine.Cpu.Attention;
using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd)
    {
        int headDim = checked((int)weight.Count);
        _team.Run(x.Count / headDim, WorkerTeam.RowGrain(headDim), new QkNormRopeKernel
        {
            X = x.Pointer<float>(),
            Gain = NormGain.Of(weight, _scratch, isCount: OnlyCounts),
            Cos = cos.Pointer<float>(),
            Sin = sin.Pointer<float>(),
            Y = y.Pointer<float>(),
            Rstd = rstd.Pointer<float>(),
            HeadDim = headDim,
            Heads = (int)(x.Count / cos.Shape[0] / headDim),
            Epsilon = epsilon,
        });
    }

    /// <inheritdoc/>
    public void QkNormRopeBackward(
        Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor? dx, Tensor? dWeight)
    {
        int headDim = checked((int)weight.Count);
        if (dWeight is not null)
        {
            AddRowSums(x.Count / headDim, headDim, new QkNormWeightTerms
            {
                Dy = dy.Pointer<float>(),
                X = x.Pointer<float>(),
                Cos = cos.Pointer<float>(),
                Sin = sin.Pointer<float>(),
                Rstd = rstd.Pointer<float>(),
                HeadDim = headDim,
                Heads = (int)(x.Count / cos.Shape[0] / headDim),
            }, dWeight);
        }

        if (dx is null) return;
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
}
