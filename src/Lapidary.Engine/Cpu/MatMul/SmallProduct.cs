namespace Lapidary.Engine.Cpu;

/// <summary>Small fp32 products on the calling thread, for kernels that form them tile by tile (attention).</summary>
internal static unsafe class SmallProduct
{
    /// <summary>Floats of scratch that <see cref="Run"/> needs for a product of at most these sizes.</summary>
    public static int ScratchFloats(int m, int n, int k) => (n + 63) / 16 * 16 * k + 8 * 48;

    /// <summary>C = alpha · op(A) · op(B), or C += where <paramref name="add"/> is set; op(A) is [m, k] and op(B) is [k, n].</summary>
    /// <param name="m">Rows of C.</param> <param name="n">Columns of C.</param> <param name="k">Length of the sums.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">[m, k], or [k, m] where <paramref name="transposeA"/> is set.</param> <param name="lda">Floats from row to row of a.</param>
    /// <param name="transposeA">Whether a holds the transpose.</param>
    /// <param name="b">[k, n], or [n, k] where <paramref name="transposeB"/> is set.</param> <param name="ldb">Floats from row to row of b.</param>
    /// <param name="transposeB">Whether b holds the transpose.</param>
    /// <param name="add">Whether to add to C.</param>
    /// <param name="c">[m, n]; must not overlap a or b.</param> <param name="ldc">Floats from row to row of c.</param>
    /// <param name="scratch"><see cref="ScratchFloats"/> floats of the calling thread's own.</param>
    public static void Run(
        int m, int n, int k, float alpha, float* a, int lda, bool transposeA, float* b, int ldb, bool transposeB,
        bool add, float* c, int ldc, float* scratch)
    {
        for (int i = 0; i < m; i++)
        {
            for (int j = 0; j < n; j++)
            {
                float sum = 0;
                for (int p = 0; p < k; p++)
                    sum += (transposeA ? a[(long)p * lda + i] : a[(long)i * lda + p]) * (transposeB ? b[(long)j * ldb + p] : b[(long)p * ldb + j]);
                c[(long)i * ldc + j] = alpha * sum + (add ? c[(long)i * ldc + j] : 0);
            }
        }
    }
}
