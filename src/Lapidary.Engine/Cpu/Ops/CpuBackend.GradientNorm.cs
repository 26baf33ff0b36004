using Lapidary.Engine.Cpu.Pointwise;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor result)
    {
        double total = 0;
        for (int i = 0; i < gradients.Count; i++) total += SumOfSquares(gradients[i]);
        if (OnlyCounts) return;

        float norm = (float)Math.Sqrt(total);
        result.Pointer<float>()[0] = norm;
        result.Pointer<float>()[1] = maxNorm > 0 ? MathF.Min(1, maxNorm / (norm + 1e-6f)) : 1;
    }

    private double SumOfSquares(Tensor gradient)
    {
        int blocks = checked((int)((gradient.Count + SquaresRange.BlockLength - 1) / SquaresRange.BlockLength));
        double* sums = (double*)_scratch.Get("gradient norm", blocks * (long)sizeof(double));
        var range = new SquaresRange { Gradient = gradient.Pointer<float>(), Count = gradient.Count, Sums = sums };
        _team.For(blocks, grain: 1, ref range);
        if (OnlyCounts) return 0;

        double total = 0;
        for (int i = 0; i < blocks; i++) total += sums[i];
        return total;
    }
}
