using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>Copies matrices into the order in which microkernels read them.</summary>
internal static unsafe class Packing
{
    /// <summary>Rows of a plain B that are fetched ahead: their pieces are too short and far apart for the processor to foresee.</summary>
    private const int PrefetchRows = 8;

    /// <summary>Floats of room that <see cref="PackB"/> needs to decode into.</summary>
    public static int RoomFloats(int rows) => 4 * rows;

    /// <summary>Packs panels of <paramref name="panelRows"/> rows of op(A), [m, k]: element (i, p) of a panel goes to p · panelRows +
    /// i.</summary>
    /// <param name="a">First element of op(A).</param>
    /// <param name="lda">Floats from row to row of a.</param>
    /// <param name="transposed">Whether a holds op(A)ᵀ.</param>
    /// <param name="m">Rows; those missing in the last panel are left undefined.</param>
    /// <param name="k">Columns.</param>
    /// <param name="panelRows">Rows of a microkernel's tile.</param>
    /// <param name="to">Panels one after the other, each of panelRows · k floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackA(float* a, nint lda, bool transposed, nint m, nint k, nint panelRows, float* to)
    {
        if (transposed)
        {
            for (nint p = 0; p < k; p++)
            {
                for (nint i = 0; i < m; i += panelRows) Copy(a + p * lda + i, Math.Min(panelRows, m - i), to + i * k + p * panelRows);
            }

            return;
        }

        for (nint i = 0; i < m; i += panelRows)
        {
            for (nint row = i; row < Math.Min(i + panelRows, m); row += 4)
            {
                nint room = Math.Min(4, i + panelRows - row);
                Transpose(a + row * lda, lda, Math.Min(room, m - row), k, to + i * k + (row - i), panelRows, room);
            }
        }
    }

    /// <summary>Packs one panel of op(B): element (p, j) goes to p · paddedColumns + j, decoded to fp32.</summary>
    /// <param name="width">Vectors to use.</param>
    /// <param name="b">The matrix.</param>
    /// <param name="transposed">Whether b holds op(B)ᵀ.</param>
    /// <param name="p">First row of op(B).</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="j">First column of op(B).</param>
    /// <param name="columns">Its columns, one or more panels.</param>
    /// <param name="panelColumns">Columns of a panel; the last panel has what is left, rounded up to <paramref name="lanes"/>.</param>
    /// <param name="lanes">Floats in a vector.</param>
    /// <param name="to">Panels one after the other, each of panelColumns · rows floats.</param>
    /// <param name="room"><see cref="RoomFloats"/> floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackB(
        VectorWidth width, in Operand b, bool transposed, nint p, int rows, nint j, int columns, int panelColumns, int lanes, float* to,
        float* room)
    {
        if (!transposed)
        {
            for (int row = 0; row < rows; row++)
            {
                nint first = (p + row) * b.RowLength + j;
                if (row + PrefetchRows < rows) b.Prefetch(first + PrefetchRows * b.RowLength, columns);
                for (int column = 0; column < columns; column += panelColumns)
                {
                    int panel = Math.Min(panelColumns, columns - column);
                    nint padded = (panel + lanes - 1) / lanes * lanes;
                    float* rowTo = to + (nint)column * rows + row * padded;
                    if (b.Type == DType.Float32) Copy((float*)b.Data + first + column, panel, rowTo);
                    else b.Read(width, first + column, panel, rowTo);
                }
            }

            return;
        }

        for (int column = 0; column < columns; column += panelColumns)
        {
            int panel = Math.Min(panelColumns, columns - column);
            nint padded = (panel + lanes - 1) / lanes * lanes;
            for (int i = 0; i < panel; i += 4)
            {
                int used = Math.Min(4, panel - i);
                nint first = (j + column + i) * b.RowLength + p;
                float* panelTo = to + (nint)column * rows + i;
                if (b.Type == DType.Float32)
                {
                    Transpose((float*)b.Data + first, b.RowLength, used, rows, panelTo, padded, 4);
                    continue;
                }

                for (int row = 0; row < used; row++) b.Read(width, first + row * b.RowLength, rows, room + row * rows);
                Transpose(room, rows, used, rows, panelTo, padded, 4);
            }
        }
    }

    /// <summary>to[p · toRow + i] = from[i · fromRow + p] for i &lt; room and p &lt; count, where room is 4, or 2 where a panel ends there;
    /// rows from <paramref name="used"/> on repeat the last one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose(float* from, nint fromRow, nint used, nint count, float* to, nint toRow, nint room)
    {
        float* r0 = from, r1 = from + Math.Min(1, used - 1) * fromRow;
        float* r2 = from + Math.Min(2, used - 1) * fromRow, r3 = from + Math.Min(3, used - 1) * fromRow;
        nint p = 0;
        if (room >= 4)
        {
            for (; p <= count - 4; p += 4)
            {
                Vector128<float> v0 = Vector128.Load(r0 + p), v1 = Vector128.Load(r1 + p);
                Vector128<float> v2 = Vector128.Load(r2 + p), v3 = Vector128.Load(r3 + p);
                Transpose(ref v0, ref v1, ref v2, ref v3);
                v0.Store(to + p * toRow);
                v1.Store(to + (p + 1) * toRow);
                v2.Store(to + (p + 2) * toRow);
                v3.Store(to + (p + 3) * toRow);
            }
        }

        for (; p < count; p++)
        {
            float* row = to + p * toRow;
            (row[0], row[1]) = (r0[p], r1[p]);
            if (room >= 4) (row[2], row[3]) = (r2[p], r3[p]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose(ref Vector128<float> v0, ref Vector128<float> v1, ref Vector128<float> v2, ref Vector128<float> v3)
    {
        Vector128<float> low01 = ZipLow(v0, v1), high01 = ZipHigh(v0, v1), low23 = ZipLow(v2, v3), high23 = ZipHigh(v2, v3);
        v0 = ZipLow(low01.AsDouble(), low23.AsDouble()).AsSingle();
        v1 = ZipHigh(low01.AsDouble(), low23.AsDouble()).AsSingle();
        v2 = ZipLow(high01.AsDouble(), high23.AsDouble()).AsSingle();
        v3 = ZipHigh(high01.AsDouble(), high23.AsDouble()).AsSingle();
    }

    /// <summary>x₀ y₀ x₁ y₁.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackLow(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(x, y)
        : Vector128.Create(x[0], y[0], x[1], y[1]);

    /// <summary>x₂ y₂ x₃ y₃.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackHigh(x, y)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(x, y)
        : Vector128.Create(x[2], y[2], x[3], y[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> ZipLow(Vector128<double> x, Vector128<double> y) =>
        Sse2.IsSupported ? Sse2.UnpackLow(x, y) : Vector128.Create(x.GetLower(), y.GetLower());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> ZipHigh(Vector128<double> x, Vector128<double> y) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(x, y) : Vector128.Create(x.GetUpper(), y.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* from, nint count, float* to)
    {
        nint i = 0;
        for (; i <= count - 8; i += 8) Vector256.Store(Vector256.Load(from + i), to + i);
        for (; i < count; i++) to[i] = from[i];
    }
}
