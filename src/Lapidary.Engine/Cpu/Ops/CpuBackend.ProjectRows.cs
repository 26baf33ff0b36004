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
            var projection = projections[i];
            int outDim = Rows(ys[i]).Dim;
            var operand = Operand.Of(projection.Weight, nameof(ProjectRows));
            RowsProduct.Run(_team, _scratch, VectorWidths.Best, in operand, rows, outDim, dim, x.Pointer<float>(), ys[i].Pointer<float>());
            if (projection.Adapter is { } adapter) AddAdapter(x, adapter, 0, rows, ys[i]);
            if (projection.RowAdapters is { } others) AddAdapters(x, others, rows, ys[i]);
        }
    }

    /// <summary>y += s · (x · Aᵀ) · Bᵀ for neighbouring rows with the same adapter, a few products for all of them.</summary>
    private void AddAdapters(Tensor x, RowAdapters others, int rows, Tensor y)
    {
        if (OnlyCounts)
        {
            // All rows may have the same one.
            for (int i = 0; i < others.Adapters.Count; i++)
                if (others.Adapters[i] is { } adapter) AddAdapter(x, adapter, 0, rows, y);
            return;
        }

        var indices = others.Indices.AsSpan<int>();
        for (int first = 0, end; first < rows; first = end)
        {
            int index = indices[first];
            for (end = first + 1; end < rows && indices[end] == index;) end++;
            if (index >= 0 && others.Adapters[index] is { } adapter) AddAdapter(x, adapter, first, end - first, y);
        }
    }

    private void AddAdapter(Tensor x, LoraAdapter adapter, int first, int rows, Tensor y)
    {
        int dim = Rows(x).Dim, outDim = Rows(y).Dim, r = Rows(adapter.A.Value).Rows;
        float* from = x.Pointer<float>() + (nint)first * dim, to = y.Pointer<float>() + (nint)first * outDim;
        float* xa = (float*)_scratch.Get("LoRA xa", (long)rows * r * sizeof(float));
        Operand a = Operand.Of(adapter.A.Value, nameof(ProjectRows)), b = Operand.Of(adapter.B.Value, nameof(ProjectRows));
        RowsProduct.Run(_team, _scratch, VectorWidths.Best, in a, rows, r, dim, from, xa);
        Product(rows, outDim, r, adapter.Scale, xa, transposeA: false, b, transposeB: true, add: true, to);
    }
}
