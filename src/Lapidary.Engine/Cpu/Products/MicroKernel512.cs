using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>Microkernels of 512-bit vectors: 8 × 48, 8 × 32 and 8 × 16 floats of C in 24, 16 and 8 registers of 32.</summary>
/// <remarks>The accumulators are named locals because the JIT keeps only those in registers; a * b + c would not become a fused
/// multiply-add. Tiering would run the first products some thirty times slower, hence AggressiveOptimization.</remarks>
internal static unsafe class MicroKernel512
{
    /// <summary>Rows of a tile.</summary>
    public const int Rows = 8;

    /// <summary>Columns of the widest tile.</summary>
    public const int Columns = 3 * Lanes;

    private const int Lanes = 16;

    /// <summary>Computes a tile of 1 … 3 vectors' width.</summary>
    public static void Run(in Tile tile, int columns)
    {
        switch (columns)
        {
            case 3 * Lanes: Run8x48(in tile); break;
            case 2 * Lanes: Run8x32(in tile); break;
            default: Run8x16(in tile); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run8x48(in Tile t)
    {
        float* a0 = t.A;
        float* a1 = t.A + Math.Min(1, t.Rows - 1) * t.ARow;
        float* a2 = t.A + Math.Min(2, t.Rows - 1) * t.ARow;
        float* a3 = t.A + Math.Min(3, t.Rows - 1) * t.ARow;
        float* a4 = t.A + Math.Min(4, t.Rows - 1) * t.ARow;
        float* a5 = t.A + Math.Min(5, t.Rows - 1) * t.ARow;
        float* a6 = t.A + Math.Min(6, t.Rows - 1) * t.ARow;
        float* a7 = t.A + Math.Min(7, t.Rows - 1) * t.ARow;
        float* b = t.B;
        nint bRow = t.BRow, aColumn = t.AColumn, end = t.K * t.AColumn;
        Vector512<float> c00 = default, c01 = default, c02 = default;
        Vector512<float> c10 = default, c11 = default, c12 = default;
        Vector512<float> c20 = default, c21 = default, c22 = default;
        Vector512<float> c30 = default, c31 = default, c32 = default;
        Vector512<float> c40 = default, c41 = default, c42 = default;
        Vector512<float> c50 = default, c51 = default, c52 = default;
        Vector512<float> c60 = default, c61 = default, c62 = default;
        Vector512<float> c70 = default, c71 = default, c72 = default;
        for (nint p = 0; p < end; p += aColumn, b += bRow)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + Lanes);
            var b2 = Vector512.Load(b + 2 * Lanes);

            var a = Vector512.Create(a0[p]);
            c00 = Vector512.FusedMultiplyAdd(a, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(a, b1, c01);
            c02 = Vector512.FusedMultiplyAdd(a, b2, c02);
            a = Vector512.Create(a1[p]);
            c10 = Vector512.FusedMultiplyAdd(a, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(a, b1, c11);
            c12 = Vector512.FusedMultiplyAdd(a, b2, c12);
            a = Vector512.Create(a2[p]);
            c20 = Vector512.FusedMultiplyAdd(a, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(a, b1, c21);
            c22 = Vector512.FusedMultiplyAdd(a, b2, c22);
            a = Vector512.Create(a3[p]);
            c30 = Vector512.FusedMultiplyAdd(a, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(a, b1, c31);
            c32 = Vector512.FusedMultiplyAdd(a, b2, c32);
            a = Vector512.Create(a4[p]);
            c40 = Vector512.FusedMultiplyAdd(a, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(a, b1, c41);
            c42 = Vector512.FusedMultiplyAdd(a, b2, c42);
            a = Vector512.Create(a5[p]);
            c50 = Vector512.FusedMultiplyAdd(a, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(a, b1, c51);
            c52 = Vector512.FusedMultiplyAdd(a, b2, c52);
            a = Vector512.Create(a6[p]);
            c60 = Vector512.FusedMultiplyAdd(a, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(a, b1, c61);
            c62 = Vector512.FusedMultiplyAdd(a, b2, c62);
            a = Vector512.Create(a7[p]);
            c70 = Vector512.FusedMultiplyAdd(a, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(a, b1, c71);
            c72 = Vector512.FusedMultiplyAdd(a, b2, c72);
        }

        float* c = t.C;
        Store(c, c00, t.Alpha, t.Add);
        Store(c + Lanes, c01, t.Alpha, t.Add);
        Store(c + 2 * Lanes, c02, t.Alpha, t.Add);
        if (t.Rows <= 1) return;
        c += t.CRow;
        Store(c, c10, t.Alpha, t.Add);
        Store(c + Lanes, c11, t.Alpha, t.Add);
        Store(c + 2 * Lanes, c12, t.Alpha, t.Add);
        if (t.Rows <= 2) return;
        c += t.CRow;
        Store(c, c20, t.Alpha, t.Add);
        Store(c + Lanes, c21, t.Alpha, t.Add);
        Store(c + 2 * Lanes, c22, t.Alpha, t.Add);
        if (t.Rows <= 3) return;
        c += t.CRow;
        Store(c, c30, t.Alpha, t.Add);
        Store(c + Lanes, c31, t.Alpha, t.Add);
        Store(c + 2 * Lanes, c32, t.Alpha, t.Add);
        if (t.Rows <= 4) return;
        c += t.CRow;
        Store(c, c40, t.Alpha, t.Add);
        Store(c + Lanes, c41, t.Alpha, t.Add);
        Store(c + 2 * Lanes, c42, t.Alpha, t.Add);
        if (t.Rows <= 5) return;
        c += t.CRow;
        Store(c, c50, t.Alpha, t.Add);
        Store(c + Lanes, c51, t.Alpha, t.Add);
        Store(c + 2 * Lanes, c52, t.Alpha, t.Add);
        if (t.Rows <= 6) return;
        c += t.CRow;
        Store(c, c60, t.Alpha, t.Add);
        Store(c + Lanes, c61, t.Alpha, t.Add);
        Store(c + 2 * Lanes, c62, t.Alpha, t.Add);
        if (t.Rows <= 7) return;
        c += t.CRow;
        Store(c, c70, t.Alpha, t.Add);
        Store(c + Lanes, c71, t.Alpha, t.Add);
        Store(c + 2 * Lanes, c72, t.Alpha, t.Add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run8x32(in Tile t)
    {
        float* a0 = t.A;
        float* a1 = t.A + Math.Min(1, t.Rows - 1) * t.ARow;
        float* a2 = t.A + Math.Min(2, t.Rows - 1) * t.ARow;
        float* a3 = t.A + Math.Min(3, t.Rows - 1) * t.ARow;
        float* a4 = t.A + Math.Min(4, t.Rows - 1) * t.ARow;
        float* a5 = t.A + Math.Min(5, t.Rows - 1) * t.ARow;
        float* a6 = t.A + Math.Min(6, t.Rows - 1) * t.ARow;
        float* a7 = t.A + Math.Min(7, t.Rows - 1) * t.ARow;
        float* b = t.B;
        nint bRow = t.BRow, aColumn = t.AColumn, end = t.K * t.AColumn;
        Vector512<float> c00 = default, c01 = default;
        Vector512<float> c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default;
        Vector512<float> c40 = default, c41 = default;
        Vector512<float> c50 = default, c51 = default;
        Vector512<float> c60 = default, c61 = default;
        Vector512<float> c70 = default, c71 = default;
        for (nint p = 0; p < end; p += aColumn, b += bRow)
        {
            var b0 = Vector512.Load(b);
            var b1 = Vector512.Load(b + Lanes);

            var a = Vector512.Create(a0[p]);
            c00 = Vector512.FusedMultiplyAdd(a, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(a, b1, c01);
            a = Vector512.Create(a1[p]);
            c10 = Vector512.FusedMultiplyAdd(a, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(a, b1, c11);
            a = Vector512.Create(a2[p]);
            c20 = Vector512.FusedMultiplyAdd(a, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(a, b1, c21);
            a = Vector512.Create(a3[p]);
            c30 = Vector512.FusedMultiplyAdd(a, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(a, b1, c31);
            a = Vector512.Create(a4[p]);
            c40 = Vector512.FusedMultiplyAdd(a, b0, c40);
            c41 = Vector512.FusedMultiplyAdd(a, b1, c41);
            a = Vector512.Create(a5[p]);
            c50 = Vector512.FusedMultiplyAdd(a, b0, c50);
            c51 = Vector512.FusedMultiplyAdd(a, b1, c51);
            a = Vector512.Create(a6[p]);
            c60 = Vector512.FusedMultiplyAdd(a, b0, c60);
            c61 = Vector512.FusedMultiplyAdd(a, b1, c61);
            a = Vector512.Create(a7[p]);
            c70 = Vector512.FusedMultiplyAdd(a, b0, c70);
            c71 = Vector512.FusedMultiplyAdd(a, b1, c71);
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
        if (t.Rows <= 6) return;
        c += t.CRow;
        Store(c, c60, t.Alpha, t.Add);
        Store(c + Lanes, c61, t.Alpha, t.Add);
        if (t.Rows <= 7) return;
        c += t.CRow;
        Store(c, c70, t.Alpha, t.Add);
        Store(c + Lanes, c71, t.Alpha, t.Add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run8x16(in Tile t)
    {
        float* a0 = t.A;
        float* a1 = t.A + Math.Min(1, t.Rows - 1) * t.ARow;
        float* a2 = t.A + Math.Min(2, t.Rows - 1) * t.ARow;
        float* a3 = t.A + Math.Min(3, t.Rows - 1) * t.ARow;
        float* a4 = t.A + Math.Min(4, t.Rows - 1) * t.ARow;
        float* a5 = t.A + Math.Min(5, t.Rows - 1) * t.ARow;
        float* a6 = t.A + Math.Min(6, t.Rows - 1) * t.ARow;
        float* a7 = t.A + Math.Min(7, t.Rows - 1) * t.ARow;
        float* b = t.B;
        nint bRow = t.BRow, aColumn = t.AColumn, end = t.K * t.AColumn;
        Vector512<float> c00 = default;
        Vector512<float> c10 = default;
        Vector512<float> c20 = default;
        Vector512<float> c30 = default;
        Vector512<float> c40 = default;
        Vector512<float> c50 = default;
        Vector512<float> c60 = default;
        Vector512<float> c70 = default;
        for (nint p = 0; p < end; p += aColumn, b += bRow)
        {
            var b0 = Vector512.Load(b);

            var a = Vector512.Create(a0[p]);
            c00 = Vector512.FusedMultiplyAdd(a, b0, c00);
            a = Vector512.Create(a1[p]);
            c10 = Vector512.FusedMultiplyAdd(a, b0, c10);
            a = Vector512.Create(a2[p]);
            c20 = Vector512.FusedMultiplyAdd(a, b0, c20);
            a = Vector512.Create(a3[p]);
            c30 = Vector512.FusedMultiplyAdd(a, b0, c30);
            a = Vector512.Create(a4[p]);
            c40 = Vector512.FusedMultiplyAdd(a, b0, c40);
            a = Vector512.Create(a5[p]);
            c50 = Vector512.FusedMultiplyAdd(a, b0, c50);
            a = Vector512.Create(a6[p]);
            c60 = Vector512.FusedMultiplyAdd(a, b0, c60);
            a = Vector512.Create(a7[p]);
            c70 = Vector512.FusedMultiplyAdd(a, b0, c70);
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
        if (t.Rows <= 6) return;
        c += t.CRow;
        Store(c, c60, t.Alpha, t.Add);
        if (t.Rows <= 7) return;
        c += t.CRow;
        Store(c, c70, t.Alpha, t.Add);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector512<float> sum, float alpha, bool add)
    {
        var scaled = sum * alpha;
        Vector512.Store(add ? Vector512.Load(c) + scaled : scaled, c);
    }
}
