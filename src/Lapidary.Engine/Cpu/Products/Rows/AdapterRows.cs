using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>y += s · (x · Aᵀ) · Bᵀ for few rows. A row's bits depend on that row and its adapter alone.</summary>
/// <param name="team">Threads.</param>
/// <param name="scratch">For x · Aᵀ, and for the products.</param>
internal readonly unsafe struct AdapterRows(WorkerTeam team, Scratch scratch)
{
    /// <summary>Adds the updates of a projection: its adapter's for all rows, or for each row that of its own.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="projection">The layer.</param>
    /// <param name="y">[rows, out].</param>
    public void Add(Tensor x, Projection projection, Tensor y)
    {
        int rows = (int)x.AsRows().Rows;
        if (projection.Adapter is { } adapter) Add(x, adapter, 0, rows, y);
        if (projection.RowAdapters is not { } others) return;
        if (team.IsIdle)
        {
            // Memory is only counted: all rows may have the same one.
            for (int i = 0; i < others.Adapters.Count; i++)
                if (others.Adapters[i] is { } one) Add(x, one, 0, rows, y);
            return;
        }

        // A few products for neighbours with the same adapter.
        var indices = others.Indices.AsSpan<int>();
        for (int first = 0, end; first < rows; first = end)
        {
            int index = indices[first];
            for (end = first + 1; end < rows && indices[end] == index;) end++;
            if (index >= 0 && others.Adapters[index] is { } one) Add(x, one, first, end - first, y);
        }
    }

    private void Add(Tensor x, LoraAdapter adapter, int first, int rows, Tensor y)
    {
        int dim = x.AsRows().Dim, outDim = y.AsRows().Dim, r = (int)adapter.A.Value.AsRows().Rows;
        float* from = x.Pointer<float>() + (nint)first * dim, to = y.Pointer<float>() + (nint)first * outDim;
        float* xa = (float*)scratch.Get("LoRA xa", (long)rows * r * sizeof(float));
        Operand a = Operand.Of(adapter.A.Value, nameof(IOps.ProjectRows)), b = Operand.Of(adapter.B.Value, nameof(IOps.ProjectRows));
        var width = VectorWidths.Best;
        RowsProduct.Run(team, scratch, width, in a, rows, r, dim, from, xa);
        MatrixProduct.Run(
            team, scratch, width, rows, outDim, r, adapter.Scale, xa, r, transposeA: false, in b, transposeB: true, add: true, to, outDim);
    }
}
