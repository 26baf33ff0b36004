using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.Squares;

/// <summary>The largest of each 16 outputs of a product's rows, which the product writes beside them, so that the choice of the likeliest
/// tokens need not read all logits.</summary>
internal sealed class LargestOutputs(CudaRuntime runtime)
{
    /// <summary>Outputs of which there is one largest, as square_largest.cuh has them.</summary>
    public const int BlockOutputs = 16;

    /// <summary>Where the last product wrote. It holds these rows as long as nothing else has been queued.</summary>
    private (Tensor? Y, long Queued) _last;

    /// <summary>Memory for rows y, [outputs / 16, <see cref="Pitch"/>] in fp32; 0 where products write none.</summary>
    public nint Place(Tensor y)
    {
        var (rows, dim) = Rows(y);
        bool isMany = rows > RowTile.Wide64.GroupRows;
        if (!runtime.HasWarpgroups || !isMany || y.DType != DType.Float32 || dim % BlockOutputs != 0) return 0;
        return runtime.Scratch.Get("largest outputs", DType.Float32.LengthBytes((long)dim / BlockOutputs * Pitch(rows)));
    }

    /// <summary>Reports that a product which writes there has been queued, as the last work so far.</summary>
    public void Add(Tensor y) => _last = (y, runtime.Launcher.Queued);

    /// <summary>Whether a product has written there those of y, and nothing has been queued since.</summary>
    public bool AreOf(Tensor y) => _last.Y == y && _last.Queued == runtime.Launcher.Queued;

    /// <summary>Rows with room in a line of the memory.</summary>
    public static int Pitch(int rows) => Tiles(rows, RowTile.Square128.GroupRows) * RowTile.Square128.GroupRows;
}
