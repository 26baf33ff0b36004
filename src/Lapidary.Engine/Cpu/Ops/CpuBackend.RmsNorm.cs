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
            AddRowSums(rows, dim, new NormWeightTerms
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

    /// <summary>dWeight += Σ of the terms of all rows: over blocks of rows whose length only dim decides, then over the blocks, so that the
    /// bits depend neither on threads nor on the width of vectors.</summary>
    private void AddRowSums<TTerms>(long rows, int dim, TTerms terms, Tensor dWeight) where TTerms : struct, IRowTerms
    {
        int blockRows = RowSumsKernel<TTerms>.RowsOfBlock(dim), blocks = checked((int)((rows + blockRows - 1) / blockRows));
        float* partials = (float*)_scratch.Get("norm weight", (long)blocks * dim * sizeof(float));
        var sums = new RowSumsKernel<TTerms> { Terms = terms, Rows = rows, Dim = dim, Partials = partials };
        _team.Run(blocks, grain: 1, sums);
        _team.Each(dim, new JoinOp { Partials = partials, Blocks = blocks, Dim = dim, Target = dWeight.Pointer<float>() });
    }
}
