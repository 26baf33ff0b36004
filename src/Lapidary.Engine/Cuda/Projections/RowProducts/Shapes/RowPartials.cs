using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

/// <summary>Scratch of the kernels whose blocks take a bundle each.</summary>
internal static class RowPartials
{
    /// <summary>Memory for the sums of bundles, and for the numbers of blocks that have ended.</summary>
    /// <remarks>As much for any tile: the same work may later be captured with another one, because weights have been decoded or freed
    /// since, and a capture must not allocate.</remarks>
    public static (nint Partial, nint Arrivals) In(CudaRuntime runtime, in ProjectRowsArgs args, int outputs)
    {
        int largest = RowTile.Square128.TileRows;
        int tiles = Tiles(outputs, largest) + AugmentedLayout.MaxProjections; // each weight ends a tile
        int rows = args.Rows <= 64 ? Tiles(args.Rows, 32) * 32 : Tiles(args.Rows, 128) * 128;
        long lengthBytes = (long)rows * tiles * largest * args.Bundles * sizeof(float);
        long blocks = (long)rows / 32 * tiles * (largest / RowTile.Split.TileRows);
        nint partial = runtime.Scratch.Get("row products", lengthBytes);
        return (partial, runtime.Scratch.Get("row products arrivals", blocks * sizeof(int)));
    }
}
