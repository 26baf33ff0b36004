using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Projections.RowProducts;

/// <summary>Frozen layers with one input, and their adapters, for the few rows of a decoding step.</summary>
internal sealed class RowProjector(CudaRuntime runtime)
{
    private readonly ProjectRowsKernels _weights = new(runtime);
    private readonly LoraRowsKernels _adapters = new(runtime);

    /// <inheritdoc cref="IOps.ProjectRows"/>
    public void Run(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys)
    {
        _weights.Run(x, projections, ys);
        _adapters.AddTo(x, projections, ys);
    }
}
