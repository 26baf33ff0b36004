using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Products of two query rows that see the same keys and values. A row's sums have one order: dot products vector by vector,
/// weighted sums position by position.</summary>
/// <remarks>Named locals, because the JIT keeps only those in registers.</remarks>
internal static unsafe class RowPair<V> where V : struct, ILanes<V>
{
    /// <summary>scores[i] = scale · q · keys[i] for both rows.</summary>
    /// <param name="q0">First row.</param>
    /// <param name="q1">Second row.</param>
    /// <param name="keys">First key.</param>
    /// <param name="count">Keys.</param>
    /// <param name="stride">Floats from key to key.</param>
    /// <param name="dim">Length of a row.</param>
    /// <param name="scale">Factor of the scores.</param>
    /// <param name="scores0">Scores of the first row.</param>
    /// <param name="scores1">Scores of the second row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dots(
        float* q0, float* q1, float* keys, int count, nint stride, int dim, float scale, float* scores0, float* scores1)
    {
        float* sums = stackalloc float[8];
        for (int i = 0; i < count; i += 4, keys += 4 * stride)
        {
            int last = Math.Min(3, count - 1 - i);
            float* k0 = keys, k1 = keys + Math.Min(1, last) * stride, k2 = keys + Math.Min(2, last) * stride, k3 = keys + last * stride;
            V a0 = V.Broadcast(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
            int d = 0;
            for (; d <= dim - V.Count; d += V.Count)
            {
                V q = V.Load(q0 + d), p = V.Load(q1 + d);
                V k = V.Load(k0 + d);
                a0 = V.MultiplyAdd(q, k, a0);
                b0 = V.MultiplyAdd(p, k, b0);
                k = V.Load(k1 + d);
                a1 = V.MultiplyAdd(q, k, a1);
                b1 = V.MultiplyAdd(p, k, b1);
                k = V.Load(k2 + d);
                a2 = V.MultiplyAdd(q, k, a2);
                b2 = V.MultiplyAdd(p, k, b2);
                k = V.Load(k3 + d);
                a3 = V.MultiplyAdd(q, k, a3);
                b3 = V.MultiplyAdd(p, k, b3);
            }

            V.StoreSums(a0, a1, a2, a3, sums);
            V.StoreSums(b0, b1, b2, b3, sums + 4);
            float* key = keys;
            for (int j = 0; j <= last; j++, key += stride)
            {
                scores0[i + j] = scale * AddRest(sums[j], q0, key, d, dim);
                scores1[i + j] = scale * AddRest(sums[4 + j], q1, key, d, dim);
            }
        }
    }

    /// <summary>Adds the products from <paramref name="d"/> on, which fill no vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AddRest(float sum, float* q, float* key, int d, int dim)
    {
        for (; d < dim; d++) sum += q[d] * key[d];
        return sum;
    }

    /// <summary>sums += Σ weights[i] · values[i] for both rows.</summary>
    /// <param name="weights0">Weights of the first row.</param>
    /// <param name="weights1">Weights of the second row.</param>
    /// <param name="values">First value.</param>
    /// <param name="count">Values.</param>
    /// <param name="stride">Floats from value to value.</param>
    /// <param name="dim">Length of a value.</param>
    /// <param name="sums0">Sums of the first row.</param>
    /// <param name="sums1">Sums of the second row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddWeighted(
        float* weights0, float* weights1, float* values, int count, nint stride, int dim, float* sums0, float* sums1)
    {
        int n = V.Count, d = 0;
        for (; d <= dim - 4 * n; d += 4 * n, sums0 += 4 * n, sums1 += 4 * n)
        {
            V a0 = V.Load(sums0), a1 = V.Load(sums0 + n), a2 = V.Load(sums0 + 2 * n), a3 = V.Load(sums0 + 3 * n);
            V b0 = V.Load(sums1), b1 = V.Load(sums1 + n), b2 = V.Load(sums1 + 2 * n), b3 = V.Load(sums1 + 3 * n);
            float* value = values + d;
            for (int i = 0; i < count; i++, value += stride)
            {
                V w0 = V.Broadcast(weights0[i]), w1 = V.Broadcast(weights1[i]);
                V v = V.Load(value);
                a0 = V.MultiplyAdd(w0, v, a0);
                b0 = V.MultiplyAdd(w1, v, b0);
                v = V.Load(value + n);
                a1 = V.MultiplyAdd(w0, v, a1);
                b1 = V.MultiplyAdd(w1, v, b1);
                v = V.Load(value + 2 * n);
                a2 = V.MultiplyAdd(w0, v, a2);
                b2 = V.MultiplyAdd(w1, v, b2);
                v = V.Load(value + 3 * n);
                a3 = V.MultiplyAdd(w0, v, a3);
                b3 = V.MultiplyAdd(w1, v, b3);
            }

            a0.Store(sums0);
            a1.Store(sums0 + n);
            a2.Store(sums0 + 2 * n);
            a3.Store(sums0 + 3 * n);
            b0.Store(sums1);
            b1.Store(sums1 + n);
            b2.Store(sums1 + 2 * n);
            b3.Store(sums1 + 3 * n);
        }

        for (; d <= dim - n; d += n, sums0 += n, sums1 += n) AddWeighted<V>(weights0, weights1, values + d, count, stride, sums0, sums1);
        for (; d < dim; d++, sums0++, sums1++) AddWeighted<Lane1>(weights0, weights1, values + d, count, stride, sums0, sums1);
    }

    /// <summary>One vector of sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddWeighted<W>(
        float* weights0, float* weights1, float* values, int count, nint stride, float* sums0, float* sums1) where W : struct, ILanes<W>
    {
        W a = W.Load(sums0), b = W.Load(sums1);
        for (int i = 0; i < count; i++, values += stride)
        {
            W v = W.Load(values);
            a = W.MultiplyAdd(W.Broadcast(weights0[i]), v, a);
            b = W.MultiplyAdd(W.Broadcast(weights1[i]), v, b);
        }

        a.Store(sums0);
        b.Store(sums1);
    }
}
