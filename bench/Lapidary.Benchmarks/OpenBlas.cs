using System.Runtime.InteropServices;

namespace Lapidary.Benchmarks;

/// <summary>OpenBLAS's sgemm, where the machine has it, for comparison.</summary>
internal sealed unsafe class OpenBlas
{
    private const int RowMajor = 101, Plain = 111, Transposed = 112;

    private readonly delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void> _sgemm;

    private OpenBlas(nint library)
    {
        _sgemm = (delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)
            NativeLibrary.GetExport(library, "cblas_sgemm");
        ((delegate* unmanaged<int, void>)NativeLibrary.GetExport(library, "openblas_set_num_threads"))(1);
    }

    /// <summary>The library on one thread, or null where there is none.</summary>
    public static OpenBlas? TryLoad() => NativeLibrary.TryLoad("libopenblas.so.0", out nint library) ? new OpenBlas(library) : null;

    /// <summary>C[m, n] = A[m, k] · op(B).</summary>
    public void Product(int m, int n, int k, float* a, float* b, bool transposeB, float* c) =>
        _sgemm(RowMajor, Plain, transposeB ? Transposed : Plain, m, n, k, 1, a, k, b, transposeB ? k : n, 0, c, n);
}
