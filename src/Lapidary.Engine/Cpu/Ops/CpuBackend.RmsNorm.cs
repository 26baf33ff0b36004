using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void RmsNormForward(Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd)
    {
        var (rows, dim) = x.AsRows();
        _team.Run(rows, WorkerTeam.RowGrain(dim), new RmsNormKernel
        {
            X = x.Pointer<float>(),
            Gain = NormGain(weight),
            Residual = residual is null ? null : residual.Pointer<float>(),
            Y = y.Pointer<float>(),
            Rstd = rstd.Pointer<float>(),
            Dim = dim,
            Epsilon = epsilon,
        });
    }

    /// <inheritdoc/>
    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, bool add)
    {
        var (rows, dim) = x.AsRows();
        _team.Run(rows, WorkerTeam.RowGrain(dim), new RmsNormBackwardKernel
        {
            Dy = dy.Pointer<float>(),
            X = x.Pointer<float>(),
            Gain = NormGain(weight),
            Rstd = rstd.Pointer<float>(),
            Dx = dx.Pointer<float>(),
            Dim = dim,
            Add = add,
        });
    }

    /// <summary>1 + w in fp32, for a norm weight of any floating type: formed once per call, so that the rows' loops need no
    /// type.</summary>
    private float* NormGain(Tensor weight)
    {
        float* gain = (float*)_scratch.Get("norm gain", weight.Count * sizeof(float));
        if (OnlyCounts) return gain;
        for (long i = 0; i < weight.Count; i++)
        {
            gain[i] = 1f + weight.DType switch
            {
                DType.BFloat16 => BFloat16.ToSingle(weight.Pointer<ushort>()[i]),
                DType.Float16 => (float)weight.Pointer<Half>()[i],
                _ => weight.Pointer<float>()[i],
            };
        }

        return gain;
    }
}
