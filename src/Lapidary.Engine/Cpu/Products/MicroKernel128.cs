using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>Microkernels of 128-bit vectors: 6 × 8 and 6 × 4 floats of C in 12 and 6 registers of 16.</summary>
/// <remarks>The accumulators are named locals because the JIT keeps only those in registers; a * b + c would not become a fused
/// multiply-add. MultiplyAddEstimate is one where the machine has it (NEON), else a product and a sum (SSE), where FusedMultiplyAdd would
/// call a library function per lane. Tiering would run the first products some thirty times slower, hence AggressiveOptimization.</remarks>
internal static unsafe class MicroKernel128
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 6;

    /// <summary>Columns of the widest tile.</summary>
    public const int Columns = 2 * Lanes;

    private const int Lanes = 4;

    /// <summary>Computes a tile of 1 … 2 vectors' width.</summary>
    public static void Run(in Tile tile, int columns)
    {
        if (columns == Columns) Run6x8(in tile);
        else Run6x4(in tile);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run6x8(in Tile t)
    {
        float* a0 = t.A;
        float* a1 = t.A + Math.Min(1, t.Rows - 1) * t.ARow;
        float* a2 = t.A + Math.Min(2, t.Rows - 1) * t.ARow;
        float* a3 = t.A + Math.Min(3, t.Rows - 1) * t.ARow;
        float* a4 = t.A + Math.Min(4, t.Rows - 1) * t.ARow;
        float* a5 = t.A + Math.Min(5, t.Rows - 1) * t.ARow;
        float* b = t.B;
        nint bRow = t.BRow, aColumn = t.AColumn, end = t.K * t.AColumn;
        Vector128<float> c00 = default, c01 = default;
        Vector128<float> c10 = default, c11 = default;
        Vector128<float> c20 = default, c21 = default;
        Vector128<float> c30 = default, c31 = default;
        Vector128<float> c40 = default, c41 = default;
        Vector128<float> c50 = default, c51 = default;
        for (nint p = 0; p < end; p += aColumn, b += bRow)
        {
            var b0 = Vector128.Load(b);
            var b1 = Vector128.Load(b + Lanes);

            var a = Vector128.Create(a0[p]);
            c00 = Vector128.MultiplyAddEstimate(a, b0, c00);
            c01 = Vector128.MultiplyAddEstimate(a, b1, c01);
            a = Vector128.Create(a1[p]);
            c10 = Vector128.MultiplyAddEstimate(a, b0, c10);
            c11 = Vector128.MultiplyAddEstimate(a, b1, c11);
            a = Vector128.Create(a2[p]);
            c20 = Vector128.MultiplyAddEstimate(a, b0, c20);
            c21 = Vector128.MultiplyAddEstimate(a, b1, c21);
            a = Vector128.Create(a3[p]);
            c30 = Vector128.MultiplyAddEstimate(a, b0, c30);
            c31 = Vector128.MultiplyAddEstimate(a, b1, c31);
            a = Vector128.Create(a4[p]);
            c40 = Vector128.MultiplyAddEstimate(a, b0, c40);
            c41 = Vector128.MultiplyAddEstimate(a, b1, c41);
            a = Vector128.Create(a5[p]);
            c50 = Vector128.MultiplyAddEstimate(a, b0, c50);
            c51 = Vector128.MultiplyAddEstimate(a, b1, c51);
        }

        float* c = t.C;
        Store(c, c00, t.Alpha, t.Add);
        Store(c + Lanes, c01, t.Alpha, t.Add);
        if (t.Rows <= 1) return;
        c += t.CRow;
        Store(c, c10, t.Alpha, t.Add);
        Store(c + Lanes, c11, t.Alpha, t.Add);
        if (t.Rows <= 2) return;
        c += t.CRow;
        Store(c, c20, t.Alpha, t.Add);
        Store(c + Lanes, c21, t.Alpha, t.Add);
        if (t.Rows <= 3) return;
        c += t.CRow;
        Store(c, c30, t.Alpha, t.Add);
        Store(c + Lanes, c31, t.Alpha, t.Add);
        if (t.Rows <= 4) return;
        c += t.CRow;
        Store(c, c40, t.Alpha, t.Add);
        Store(c + Lanes, c41, t.Alpha, t.Add);
        if (t.Rows <= 5) return;
        c += t.CRow;
        Store(c, c50, t.Alpha, t.Add);
        Store(c + Lanes, c51, t.Alpha, t.Add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run6x4(in Tile t)
    {
        float* a0 = t.A;
        float* a1 = t.A + Math.Min(1, t.Rows - 1) * t.ARow;
        float* a2 = t.A + Math.Min(2, t.Rows - 1) * t.ARow;
        float* a3 = t.A + Math.Min(3, t.Rows - 1) * t.ARow;
        float* a4 = t.A + Math.Min(4, t.Rows - 1) * t.ARow;
        float* a5 = t.A + Math.Min(5, t.Rows - 1) * t.ARow;
        float* b = t.B;
        nint bRow = t.BRow, aColumn = t.AColumn, end = t.K * t.AColumn;
        Vector128<float> c00 = default;
        Vector128<float> c10 = default;
        Vector128<float> c20 = default;
        Vector128<float> c30 = default;
        Vector128<float> c40 = default;
        Vector128<float> c50 = default;
        for (nint p = 0; p < end; p += aColumn, b += bRow)
        {
            var b0 = Vector128.Load(b);

            var a = Vector128.Create(a0[p]);
            c00 = Vector128.MultiplyAddEstimate(a, b0, c00);
            a = Vector128.Create(a1[p]);
            c10 = Vector128.MultiplyAddEstimate(a, b0, c10);
            a = Vector128.Create(a2[p]);
            c20 = Vector128.MultiplyAddEstimate(a, b0, c20);
            a = Vector128.Create(a3[p]);
            c30 = Vector128.MultiplyAddEstimate(a, b0, c30);
            a = Vector128.Create(a4[p]);
            c40 = Vector128.MultiplyAddEstimate(a, b0, c40);
            a = Vector128.Create(a5[p]);
            c50 = Vector128.MultiplyAddEstimate(a, b0, c50);
        }

        float* c = t.C;
        Store(c, c00, t.Alpha, t.Add);
        if (t.Rows <= 1) return;
        c += t.CRow;
        Store(c, c10, t.Alpha, t.Add);
        if (t.Rows <= 2) return;
        c += t.CRow;
        Store(c, c20, t.Alpha, t.Add);
        if (t.Rows <= 3) return;
        c += t.CRow;
        Store(c, c30, t.Alpha, t.Add);
        if (t.Rows <= 4) return;
        c += t.CRow;
        Store(c, c40, t.Alpha, t.Add);
        if (t.Rows <= 5) return;
        c += t.CRow;
        Store(c, c50, t.Alpha, t.Add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector128<float> sum, float alpha, bool add)
    {
        var scaled = sum * alpha;
        Vector128.Store(add ? Vector128.Load(c) + scaled : scaled, c);
    }
}
