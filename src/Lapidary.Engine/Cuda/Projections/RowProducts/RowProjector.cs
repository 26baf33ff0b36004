using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Pointwise;
using Lapidary.Engine.Cuda.Projections.Decoding;
using Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;
using Lapidary.Engine.Cuda.Projections.RowProducts.Squares;

namespace Lapidary.Engine.Cuda.Projections.RowProducts;

/// <summary>Layers with one input, and their adapters, for the few rows of a decoding step.</summary>
internal sealed class RowProjector(
    CudaRuntime runtime, ProjectionWeights weights, GeGluKernels geGlu, ArrangedRows arranged, LargestOutputs largest)
{
    private readonly ProjectRowsKernels _weights = new(runtime, weights, arranged, largest);
    private readonly LoraRowsKernels _adapters = new(runtime);
    private readonly MixedLoraRowsKernels _rowAdapters = new(runtime);

    /// <inheritdoc cref="IOps.ProjectRows"/>
    public void Run(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys)
    {
        _weights.Run(x, projections, ys);
        _adapters.AddTo(x, projections, ys);
        _rowAdapters.AddTo(x, projections, ys);
    }

    /// <inheritdoc cref="IOps.ProjectRowsGated"/>
    /// <remarks>In one kernel unless adapters have to be added before the activation, or the weights' form has no such kernel.</remarks>
    public void RunGated(Tensor x, Projection gate, Projection up, Tensor gateY, Tensor upY, Tensor y, Tensor? next)
    {
        if (!IsAdapted(gate) && !IsAdapted(up) && _weights.TryGated(x, gate, up, y, next)) return;
        Run(x, [gate, up], [gateY, upY]);
        geGlu.Forward(gateY, upY, y, next);
    }

    private static bool IsAdapted(Projection projection) => projection.Adapter is not null || projection.RowAdapters is not null;
}
