using Lapidary.Engine.Cpu.Pointwise;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor result)
    {
        double total = 0;
        for (int i = 0; i < gradients.Count; i++) total += SquaresRange.Sum(_team, _scratch, gradients[i]);
        if (OnlyCounts) return;

        float norm = (float)Math.Sqrt(total);
        result.Pointer<float>()[0] = norm;
        result.Pointer<float>()[1] = maxNorm > 0 ? MathF.Min(1, maxNorm / (norm + 1e-6f)) : 1;
    }
}
