using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Sampling;

/// <summary>The passes over a row of logits.</summary>
internal static unsafe class DrawPasses
{
    /// <summary>The largest element; NaN if any element is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Largest(float* values, int dim)
    {
        float largest = float.NegativeInfinity;
        int i = 0;
        if (dim >= Vector<float>.Count)
        {
            var most = new Vector<float>(largest);
            for (; i <= dim - Vector<float>.Count; i += Vector<float>.Count) most = Vector.Max(most, Vector.Load(values + i));
            for (int lane = 0; lane < Vector<float>.Count; lane++) largest = MathF.Max(largest, most[lane]);
        }

        for (; i < dim; i++) largest = MathF.Max(largest, values[i]);
        return largest;
    }

    /// <summary>Adds the weights of all logits, from a limit on, to the sums of their buckets.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddWeights(ReadOnlySpan<float> logits, DrawWeights weights, float limit, ulong* sums)
    {
        int width = Vector<float>.Count;
        int* mantissas = stackalloc int[width], halvings = stackalloc int[width], buckets = stackalloc int[width];
        float* last = stackalloc float[width];
        fixed (float* first = logits)
        {
            for (int i = 0; i < logits.Length; i += width)
            {
                var some = Load(first, i, logits.Length, last);
                var y = weights.Distance(some);
                var counts = Vector.LessThan(y, new Vector<float>(DrawWeights.Beyond))
                    & Vector.GreaterThanOrEqual(some, new Vector<float>(limit));
                if (counts == Vector<int>.Zero) continue;
                var mantissa = weights.Split(some, y, out var halving) & counts;
                Vector.Store(mantissa, mantissas);
                Vector.Store(halving & counts, halvings);
                Vector.Store(DrawWeights.BucketOf(y), buckets);
                for (int lane = 0; lane < width; lane++)
                    sums[buckets[lane]] += DrawWeights.Join(mantissas[lane], halvings[lane]);
            }
        }
    }

    /// <summary>Adds 1 for each logit that has a weight to the sum of its bucket.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddCounts(ReadOnlySpan<float> logits, DrawWeights weights, ulong* sums)
    {
        int width = Vector<float>.Count;
        int* ones = stackalloc int[width], buckets = stackalloc int[width];
        float* last = stackalloc float[width];
        fixed (float* first = logits)
        {
            for (int i = 0; i < logits.Length; i += width)
            {
                var y = weights.Distance(Load(first, i, logits.Length, last));
                var counts = Vector.LessThan(y, new Vector<float>(DrawWeights.Beyond));
                if (counts == Vector<int>.Zero) continue;
                Vector.Store(counts, ones);
                Vector.Store(DrawWeights.BucketOf(y), buckets);
                for (int lane = 0; lane < width; lane++) sums[buckets[lane]] -= (ulong)(long)ones[lane];
            }
        }
    }

    /// <summary>Puts the keys of the tokens whose distance is in [from, below) into an array, which grows.</summary>
    /// <returns>Number of keys.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Collect(ReadOnlySpan<float> logits, DrawWeights weights, float from, float below, ref ulong[] keys)
    {
        int width = Vector<float>.Count, count = 0;
        float* last = stackalloc float[width];
        fixed (float* first = logits)
        {
            for (int i = 0; i < logits.Length; i += width)
            {
                var some = Load(first, i, logits.Length, last);
                var y = weights.Distance(some);
                var are = Vector.GreaterThanOrEqual(y, new Vector<float>(from)) & Vector.LessThan(y, new Vector<float>(below));
                if (are == Vector<int>.Zero) continue;
                if (keys.Length < count + width) Array.Resize(ref keys, Math.Max(1024, 2 * (count + width)));
                for (int lane = 0; lane < width; lane++)
                {
                    if (are[lane] != 0) keys[count++] = DrawKey.Of(some[lane], i + lane);
                }
            }
        }

        return count;
    }

    /// <summary>The logits from a place on; behind the last −∞, which has no weight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Load(float* logits, int i, int count, float* last)
    {
        if (i <= count - Vector<float>.Count) return Vector.Load(logits + i);
        for (int lane = 0; lane < Vector<float>.Count; lane++) last[lane] = i + lane < count ? logits[i + lane] : float.NegativeInfinity;
        return Vector.Load(last);
    }
}
