using Lapidary.Engine.Cpu.Products;
using Lapidary.Engine.Cpu.Products.Rows;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void ProjectRows(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys)
    {
        var (rows, dim) = Rows(x);
        for (int i = 0; i < projections.Count; i++)
        {
            var (weight, adapter) = projections[i];
            int outDim = Rows(ys[i]).Dim;
            var operand = Operand.Of(weight, nameof(ProjectRows));
            RowsProduct.Run(_team, _scratch, VectorWidths.Best, in operand, rows, outDim, dim, x.Pointer<float>(), ys[i].Pointer<float>());
            if (adapter is null) continue;
            int r = Rows(adapter.A.Value).Rows;
            float* xa = (float*)_scratch.Get("LoRA xa", (long)rows * r * sizeof(float));
            Operand a = Operand.Of(adapter.A.Value, nameof(ProjectRows)), b = Operand.Of(adapter.B.Value, nameof(ProjectRows));
            RowsProduct.Run(_team, _scratch, VectorWidths.Best, in a, rows, r, dim, x.Pointer<float>(), xa);
            Product(rows, outDim, r, adapter.Scale, xa, transposeA: false, b, transposeB: true, add: true, ys[i].Pointer<float>());
        }
    }
}
