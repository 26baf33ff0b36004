using Lapidary.Engine.Cpu.Products;
using Lapidary.Engine.Cpu.Products.Rows;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void ProjectRows(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys)
    {
        var (rows, dim) = Rows(x);
        var adapters = new AdapterRows(_team, _scratch);
        for (int i = 0; i < projections.Count; i++)
        {
            int outDim = Rows(ys[i]).Dim;
            var operand = Operand.Of(projections[i].Weight, nameof(ProjectRows));
            RowsProduct.Run(_team, _scratch, VectorWidths.Best, in operand, rows, outDim, dim, x.Pointer<float>(), ys[i].Pointer<float>());
            adapters.Add(x, projections[i], ys[i]);
        }
    }
}
