using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void RmsNormForward(
        Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd, Tensor? next = null)
    {
        var (rows, dim) = x.AsRows();
        _team.Run(rows, WorkerTeam.RowGrain(dim), new RmsNormKernel
        {
            X = x.Pointer<float>(),
            Gain = NormGain.Of(weight, _scratch, isCount: OnlyCounts),
            Residual = residual is null ? null : residual.Pointer<float>(),
            Y = y.Pointer<float>(),
            Rstd = rstd.Pointer<float>(),
            Dim = dim,
            Epsilon = epsilon,
        });
    }

    /// <inheritdoc/>
    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor? dx, bool add, Tensor? dWeight)
    {
        var (rows, dim) = x.AsRows();
        if (dWeight is not null)
        {
            RowSumsKernel<NormWeightTerms>.Add(_team, _scratch, rows, dim, new()
            {
                Dy = dy.Pointer<float>(),
                X = x.Pointer<float>(),
                Rstd = rstd.Pointer<float>(),
                Dim = dim,
            }, dWeight);
        }

        if (dx is null) return;
        _team.Run(rows, WorkerTeam.RowGrain(dim), new RmsNormBackwardKernel
        {
            Dy = dy.Pointer<float>(),
            X = x.Pointer<float>(),
            Gain = NormGain.Of(weight, _scratch, isCount: OnlyCounts),
            Rstd = rstd.Pointer<float>(),
            Dx = dx.Pointer<float>(),
            Dim = dim,
            Add = add,
        });
    }
}
