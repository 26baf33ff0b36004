using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lapidary.Engine.Cpu;

/// <summary>Copies matrices into the order in which microkernels read them.</summary>
internal static unsafe class Packing
{
    /// <summary>Floats of room that <see cref="PackB"/> needs to decode into.</summary>
    public static int RoomFloats(int rows, int columns) => Math.Max(4 * rows, columns);

    /// <summary>Packs panels of <paramref name="panelRows"/> rows of op(A), [m, k]: element (i, p) of a panel goes to p · panelRows + i.</summary>
    /// <param name="a">First element of op(A).</param> <param name="lda">Floats from row to row of a.</param>
    /// <param name="transposed">Whether a holds op(A)ᵀ.</param>
    /// <param name="m">Rows; those missing in the last panel are left undefined.</param> <param name="k">Columns.</param>
    /// <param name="panelRows">Rows of a microkernel's tile.</param> <param name="to">Panels one after the other, each of panelRows · k floats.</param>
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
    /// <param name="width">Vectors to use.</param> <param name="b">The matrix.</param>
    /// <param name="transposed">Whether b holds op(B)ᵀ.</param> <param name="p">First row of op(B).</param> <param name="rows">Its rows.</param>
    /// <param name="j">First column of op(B).</param> <param name="columns">Its columns, one or more panels.</param>
    /// <param name="panelColumns">Columns of a panel; the last panel has what is left, rounded up to <paramref name="lanes"/>.</param>
    /// <param name="lanes">Floats in a vector.</param>
    /// <param name="to">Panels one after the other, each of panelColumns · rows floats.</param>
    /// <param name="room"><see cref="RoomFloats"/> floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackB(
        VectorWidth width, in Operand b, bool transposed, nint p, int rows, nint j, int columns, int panelColumns, int lanes, float* to, float* room)
    {
        if (!transposed)
        {
            for (int row = 0; row < rows; row++)
            {
                float* from = b.View(width, (p + row) * b.RowLength + j, columns, room);
                for (int column = 0; column < columns; column += panelColumns)
                {
                    int panel = Math.Min(panelColumns, columns - column);
                    nint padded = (panel + lanes - 1) / lanes * lanes;
                    Copy(from + column, panel, to + (nint)column * rows + row * padded);
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
                var (low01, low23) = (Interleave(v0.GetLower(), v1.GetLower()), Interleave(v2.GetLower(), v3.GetLower()));
                var (high01, high23) = (Interleave(v0.GetUpper(), v1.GetUpper()), Interleave(v2.GetUpper(), v3.GetUpper()));
                Vector128.Create(low01.GetLower(), low23.GetLower()).Store(to + p * toRow);
                Vector128.Create(low01.GetUpper(), low23.GetUpper()).Store(to + (p + 1) * toRow);
                Vector128.Create(high01.GetLower(), high23.GetLower()).Store(to + (p + 2) * toRow);
                Vector128.Create(high01.GetUpper(), high23.GetUpper()).Store(to + (p + 3) * toRow);
            }
        }

        for (; p < count; p++)
        {
            float* row = to + p * toRow;
            (row[0], row[1]) = (r0[p], r1[p]);
            if (room >= 4) (row[2], row[3]) = (r2[p], r3[p]);
        }
    }

    /// <summary>x₀ y₀ x₁ y₁.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Interleave(Vector64<float> x, Vector64<float> y) =>
        Vector128.Shuffle(Vector128.Create(x, y), Vector128.Create(0, 2, 1, 3));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(float* from, nint count, float* to)
    {
        nint i = 0;
        for (; i <= count - 8; i += 8) Vector256.Store(Vector256.Load(from + i), to + i);
        for (; i < count; i++) to[i] = from[i];
    }
}
