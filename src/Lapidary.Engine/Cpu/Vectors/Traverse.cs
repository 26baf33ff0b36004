using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>The arithmetic of an element-wise operation: a struct of pointers and factors.</summary>
internal interface IElementwise
{
    /// <summary>Computes elements <paramref name="i"/> to <paramref name="i"/> + lanes, loading all of them before it stores any.</summary>
    void At<V>(nint i) where V : struct, ILanes<V>;
}

/// <summary>The terms of a sum: a struct of pointers and factors.</summary>
internal interface ITerms
{
    /// <summary>Terms <paramref name="i"/> to <paramref name="i"/> + lanes.</summary>
    V At<V>(nint i) where V : struct, ILanes<V>;
}

/// <summary>The loops of element-wise operations and of sums, written once: vectors, then single lanes.</summary>
internal static class Traverse
{
    /// <summary>Runs <paramref name="op"/> on elements <paramref name="start"/> to <paramref name="end"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Each<V, TOp>(nint start, nint end, TOp op) where V : struct, ILanes<V> where TOp : struct, IElementwise
    {
        nint i = start;
        for (; i <= end - V.Count; i += V.Count) op.At<V>(i);
        for (; i < end; i++) op.At<Lane1>(i);
    }

    /// <summary>Σ of terms 0 to <paramref name="count"/>, in four running sums per lane that hide the latency of additions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum<V, TTerms>(nint count, TTerms terms) where V : struct, ILanes<V> where TTerms : struct, ITerms
    {
        V s0 = V.Broadcast(0), s1 = s0, s2 = s0, s3 = s0;
        nint i = 0;
        for (; i <= count - (4 * V.Count); i += 4 * V.Count)
        {
            s0 += terms.At<V>(i);
            s1 += terms.At<V>(i + V.Count);
            s2 += terms.At<V>(i + (2 * V.Count));
            s3 += terms.At<V>(i + (3 * V.Count));
        }

        for (; i <= count - V.Count; i += V.Count) s0 += terms.At<V>(i);
        float sum = ((s0 + s1) + (s2 + s3)).Sum();
        for (; i < count; i++) sum += terms.At<Lane1>(i);
        return sum;
    }

    /// <summary>Largest of <paramref name="count"/> values; −∞ for none, NaN if any is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe float Max<V>(nint count, float* values) where V : struct, ILanes<V>
    {
        V max = V.Broadcast(float.NegativeInfinity);
        nint i = 0;
        for (; i <= count - V.Count; i += V.Count) max = V.Max(max, V.Load(values + i));
        float result = max.Max();
        for (; i < count; i++) result = MathF.Max(result, values[i]);
        return result;
    }
}
