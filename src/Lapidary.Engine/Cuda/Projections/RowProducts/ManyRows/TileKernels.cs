using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;

/// <summary>The kernels of products of more rows with weights in the type of activations.</summary>
internal sealed class TileKernels
{
    private readonly Kernel _denseBy32 = new("project_tiles32.cu", "project_tiles_dense_32");
    private readonly Kernel _denseBy32Gated = new("project_tiles32.cu", "project_tiles_dense_32_gated");
    private readonly Kernel _denseBy32Split = new("project_tiles32.cu", "project_tiles_dense_32_split");
    private readonly Kernel _denseBy64 = new("project_tiles64.cu", "project_tiles_dense_64");
    private readonly Kernel _denseBy64Gated = new("project_tiles64.cu", "project_tiles_dense_64_gated");
    private readonly Kernel _denseBy64Split = new("project_tiles64.cu", "project_tiles_dense_64_split");
    private readonly Kernel _denseBy128 = new("project_tiles128.cu", "project_tiles_dense_128");
    private readonly Kernel _denseBy128Gated = new("project_tiles128.cu", "project_tiles_dense_128_gated");
    private readonly Kernel _denseBy128Split = new("project_tiles128.cu", "project_tiles_dense_128_split");
    private readonly Kernel _nf4By32 = new("project_tiles32.cu", "project_tiles_nf4_32");
    private readonly Kernel _nf4By32Gated = new("project_tiles32.cu", "project_tiles_nf4_32_gated");
    private readonly Kernel _nf4By32Split = new("project_tiles32.cu", "project_tiles_nf4_32_split");
    private readonly Kernel _nf4By64 = new("project_tiles64.cu", "project_tiles_nf4_64");
    private readonly Kernel _nf4By64Gated = new("project_tiles64.cu", "project_tiles_nf4_64_gated");
    private readonly Kernel _nf4By64Split = new("project_tiles64.cu", "project_tiles_nf4_64_split");
    private readonly Kernel _nf4By128 = new("project_tiles128.cu", "project_tiles_nf4_128");
    private readonly Kernel _nf4By128Gated = new("project_tiles128.cu", "project_tiles_nf4_128_gated");
    private readonly Kernel _nf4By128Split = new("project_tiles128.cu", "project_tiles_nf4_128_split");

    /// <summary>The kernel of a tile for weights whose type was of a form.</summary>
    public Kernel Of(RowForm form, RowTile tile, bool isGated)
    {
        bool isNf4 = form is RowForm.Nf4 or RowForm.Nested;
        return tile.GroupRows switch
        {
            32 => isNf4 ? Kind(_nf4By32, _nf4By32Gated, _nf4By32Split) : Kind(_denseBy32, _denseBy32Gated, _denseBy32Split),
            64 => isNf4 ? Kind(_nf4By64, _nf4By64Gated, _nf4By64Split) : Kind(_denseBy64, _denseBy64Gated, _denseBy64Split),
            _ => isNf4 ? Kind(_nf4By128, _nf4By128Gated, _nf4By128Split) : Kind(_denseBy128, _denseBy128Gated, _denseBy128Split),
        };

        Kernel Kind(Kernel wide, Kernel gated, Kernel split) => isGated ? gated : tile.IsSplit ? split : wide;
    }
}
