using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>Small fp32 products on the calling thread, for kernels that form them tile by tile (attention).</summary>
internal static unsafe class SmallProduct
{
    /// <summary>Floats of scratch that <see cref="Run"/> needs for a product of at most these sizes.</summary>
    public static int ScratchFloats(int m, int n, int k) => MicroKernel.TileFloats + MicroKernel512.Columns * k;

    /// <summary>C = alpha · op(A) · op(B), or C += where <paramref name="add"/> is set; op(A) is [m, k] and op(B) is [k, n].</summary>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">[m, k], or [k, m] where <paramref name="transposeA"/> is set.</param>
    /// <param name="lda">Floats from row to row of a.</param>
    /// <param name="transposeA">Whether a holds the transpose.</param>
    /// <param name="b">[k, n], or [n, k] where <paramref name="transposeB"/> is set.</param>
    /// <param name="ldb">Floats from row to row of b.</param>
    /// <param name="transposeB">Whether b holds the transpose.</param>
    /// <param name="add">Whether to add to C.</param>
    /// <param name="c">[m, n]; must not overlap a or b.</param>
    /// <param name="ldc">Floats from row to row of c.</param>
    /// <param name="scratch"><see cref="ScratchFloats"/> floats that only the calling thread uses.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(
        int m, int n, int k, float alpha, float* a, int lda, bool transposeA, float* b, int ldb, bool transposeB,
        bool add, float* c, int ldc, float* scratch)
    {
        var width = VectorWidths.Best;
        int lanes = width.Lanes(), tileRows = MicroKernel.Rows(width), tileColumns = MicroKernel.Columns(width);
        var operand = Operand.Of(b, ldb);
        float* panel = scratch + MicroKernel.TileFloats;
        var tile = new Tile { K = k, CRow = ldc, Alpha = alpha, Add = add };
        (tile.ARow, tile.AColumn) = transposeA ? (1, lda) : (lda, 1);
        for (int j = 0; j < n; j += tileColumns)
        {
            int columns = Math.Min(tileColumns, n - j), padded = (columns + lanes - 1) / lanes * lanes;
            tile.B = b + j;
            tile.BRow = ldb;
            if (transposeB || padded != columns)
            {
                Packing.PackB(width, in operand, transposeB, 0, k, j, columns, tileColumns, lanes, panel, panel);
                tile.B = panel;
                tile.BRow = padded;
            }

            for (int i = 0; i < m; i += tileRows)
            {
                tile.A = a + i * tile.ARow;
                tile.Rows = Math.Min(tileRows, m - i);
                tile.C = c + (nint)i * ldc + j;
                MicroKernel.Run(width, in tile, columns, scratch);
            }
        }
    }
}
