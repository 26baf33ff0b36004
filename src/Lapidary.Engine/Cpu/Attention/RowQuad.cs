using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>What <see cref="RowPair{V}"/> computes, to the bit, for four rows at a time: for machines with 32 registers.</summary>
internal static unsafe class RowQuad<V> where V : struct, ILanes<V>
{
    /// <inheritdoc cref="RowPair{V}.Dots"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dots(float* q, float* keys, int count, nint stride, int dim, float scale, float* scores, nint scoreRow)
    {
        float* sums = stackalloc float[16];
        float* q0 = q, q1 = q + dim, q2 = q + 2 * dim, q3 = q + 3 * dim;
        for (int i = 0; i < count; i += 4, keys += 4 * stride)
        {
            int last = Math.Min(3, count - 1 - i);
            float* k0 = keys, k1 = keys + Math.Min(1, last) * stride, k2 = keys + Math.Min(2, last) * stride, k3 = keys + last * stride;
            V a0 = V.Broadcast(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
            V c0 = a0, c1 = a0, c2 = a0, c3 = a0, d0 = a0, d1 = a0, d2 = a0, d3 = a0;
            int at = 0;
            for (; at <= dim - V.Count; at += V.Count)
            {
                V x0 = V.Load(q0 + at), x1 = V.Load(q1 + at), x2 = V.Load(q2 + at), x3 = V.Load(q3 + at);
                V k = V.Load(k0 + at);
                a0 = V.MultiplyAdd(x0, k, a0);
                b0 = V.MultiplyAdd(x1, k, b0);
                c0 = V.MultiplyAdd(x2, k, c0);
                d0 = V.MultiplyAdd(x3, k, d0);
                k = V.Load(k1 + at);
                a1 = V.MultiplyAdd(x0, k, a1);
                b1 = V.MultiplyAdd(x1, k, b1);
                c1 = V.MultiplyAdd(x2, k, c1);
                d1 = V.MultiplyAdd(x3, k, d1);
                k = V.Load(k2 + at);
                a2 = V.MultiplyAdd(x0, k, a2);
                b2 = V.MultiplyAdd(x1, k, b2);
                c2 = V.MultiplyAdd(x2, k, c2);
                d2 = V.MultiplyAdd(x3, k, d2);
                k = V.Load(k3 + at);
                a3 = V.MultiplyAdd(x0, k, a3);
                b3 = V.MultiplyAdd(x1, k, b3);
                c3 = V.MultiplyAdd(x2, k, c3);
                d3 = V.MultiplyAdd(x3, k, d3);
            }

            V.StoreSums(a0, a1, a2, a3, sums);
            V.StoreSums(b0, b1, b2, b3, sums + 4);
            V.StoreSums(c0, c1, c2, c3, sums + 8);
            V.StoreSums(d0, d1, d2, d3, sums + 12);
            for (int row = 0; row < 4; row++)
            {
                float* to = scores + row * scoreRow + i, query = q + row * dim;
                for (int j = 0; j <= last; j++) to[j] = scale * RowPair<V>.AddRest(sums[4 * row + j], query, keys + j * stride, at, dim);
            }
        }
    }

    /// <inheritdoc cref="RowPair{V}.AddWeighted"/>
    /// <remarks>For rows of whole blocks of four vectors.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddWeighted(float* weights, nint weightRow, float* values, int count, nint stride, int dim, float* sums, nint sumRow)
    {
        int n = V.Count, d = 0;
        float* w0 = weights, w1 = weights + weightRow, w2 = weights + 2 * weightRow, w3 = weights + 3 * weightRow;
        for (; d <= dim - 4 * n; d += 4 * n, sums += 4 * n)
        {
            float* to = sums;
            V a0 = V.Load(to), a1 = V.Load(to + n), a2 = V.Load(to + 2 * n), a3 = V.Load(to + 3 * n);
            to += sumRow;
            V b0 = V.Load(to), b1 = V.Load(to + n), b2 = V.Load(to + 2 * n), b3 = V.Load(to + 3 * n);
            to += sumRow;
            V c0 = V.Load(to), c1 = V.Load(to + n), c2 = V.Load(to + 2 * n), c3 = V.Load(to + 3 * n);
            to += sumRow;
            V d0 = V.Load(to), d1 = V.Load(to + n), d2 = V.Load(to + 2 * n), d3 = V.Load(to + 3 * n);
            float* value = values + d;
            for (int i = 0; i < count; i++, value += stride)
            {
                V v0 = V.Load(value), v1 = V.Load(value + n), v2 = V.Load(value + 2 * n), v3 = V.Load(value + 3 * n);
                V w = V.Broadcast(w0[i]);
                a0 = V.MultiplyAdd(w, v0, a0);
                a1 = V.MultiplyAdd(w, v1, a1);
                a2 = V.MultiplyAdd(w, v2, a2);
                a3 = V.MultiplyAdd(w, v3, a3);
                w = V.Broadcast(w1[i]);
                b0 = V.MultiplyAdd(w, v0, b0);
                b1 = V.MultiplyAdd(w, v1, b1);
                b2 = V.MultiplyAdd(w, v2, b2);
                b3 = V.MultiplyAdd(w, v3, b3);
                w = V.Broadcast(w2[i]);
                c0 = V.MultiplyAdd(w, v0, c0);
                c1 = V.MultiplyAdd(w, v1, c1);
                c2 = V.MultiplyAdd(w, v2, c2);
                c3 = V.MultiplyAdd(w, v3, c3);
                w = V.Broadcast(w3[i]);
                d0 = V.MultiplyAdd(w, v0, d0);
                d1 = V.MultiplyAdd(w, v1, d1);
                d2 = V.MultiplyAdd(w, v2, d2);
                d3 = V.MultiplyAdd(w, v3, d3);
            }

            to = sums;
            a0.Store(to);
            a1.Store(to + n);
            a2.Store(to + 2 * n);
            a3.Store(to + 3 * n);
            to += sumRow;
            b0.Store(to);
            b1.Store(to + n);
            b2.Store(to + 2 * n);
            b3.Store(to + 3 * n);
            to += sumRow;
            c0.Store(to);
            c1.Store(to + n);
            c2.Store(to + 2 * n);
            c3.Store(to + 3 * n);
            to += sumRow;
            d0.Store(to);
            d1.Store(to + n);
            d2.Store(to + 2 * n);
            d3.Store(to + 3 * n);
        }
    }
}
