using Lapidary.Engine.Cpu.Pointwise;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor? scale, Tensor result)
    {
        double total = 0;
        for (int i = 0; i < gradients.Count; i++) total += SquaresRange.Sum(_team, _scratch, gradients[i]);
        if (OnlyCounts) return;

        float factor = scale is null ? 1 : scale.Pointer<float>()[0];
        float norm = (float)(Math.Sqrt(total) * factor), clip = maxNorm > 0 ? MathF.Min(1, maxNorm / (norm + 1e-6f)) : 1;
        var values = result.AsSpan<float>();
        (values[0], values[1], values[2]) = (norm, factor * clip, norm * clip);
    }
}
