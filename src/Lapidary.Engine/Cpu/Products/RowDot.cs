using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Lapidary.Engine.Tensors;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>Dot products of one weight row with an fp32 vector, in four running sums.</summary>
/// <remarks>Terms are fused where the machine has FMA; MultiplyAddEstimate, as FusedMultiplyAdd would be emulated elsewhere.</remarks>
internal static unsafe class RowDot
{
    /// <summary>How far ahead rows are fetched; rows follow each other in memory, so the fetch runs into the next row.</summary>
    private const int PrefetchBytes = 1536;

    /// <summary>Σ w · x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Float32(float* w, float* x, int count)
    {
        int lanes = Vector<float>.Count, i = 0;
        Vector<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (; i <= count - 4 * lanes; i += 4 * lanes)
        {
            Prefetch(w + i);
            Prefetch(w + i + 2 * lanes);
            s0 = Vector.MultiplyAddEstimate(Vector.Load(w + i), Vector.Load(x + i), s0);
            s1 = Vector.MultiplyAddEstimate(Vector.Load(w + i + lanes), Vector.Load(x + i + lanes), s1);
            s2 = Vector.MultiplyAddEstimate(Vector.Load(w + i + 2 * lanes), Vector.Load(x + i + 2 * lanes), s2);
            s3 = Vector.MultiplyAddEstimate(Vector.Load(w + i + 3 * lanes), Vector.Load(x + i + 3 * lanes), s3);
        }

        float sum = Vector.Sum(s0 + s1 + (s2 + s3));
        for (; i < count; i++) sum += w[i] * x[i];
        return sum;
    }

    /// <summary>Σ w · x for bf16 w.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float BFloat16(ushort* w, float* x, int count)
    {
        int lanes = Vector<float>.Count, i = 0;
        Vector<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (; i <= count - 4 * lanes; i += 4 * lanes)
        {
            Prefetch(w + i);
            Vector.Widen(Vector.Load(w + i), out var w0, out var w1);
            Vector.Widen(Vector.Load(w + i + 2 * lanes), out var w2, out var w3);
            s0 = Vector.MultiplyAddEstimate(Vector.AsVectorSingle(w0 << 16), Vector.Load(x + i), s0);
            s1 = Vector.MultiplyAddEstimate(Vector.AsVectorSingle(w1 << 16), Vector.Load(x + i + lanes), s1);
            s2 = Vector.MultiplyAddEstimate(Vector.AsVectorSingle(w2 << 16), Vector.Load(x + i + 2 * lanes), s2);
            s3 = Vector.MultiplyAddEstimate(Vector.AsVectorSingle(w3 << 16), Vector.Load(x + i + 3 * lanes), s3);
        }

        float sum = Vector.Sum(s0 + s1 + (s2 + s3));
        for (; i < count; i++) sum += Engine.BFloat16.ToSingle(w[i]) * x[i];
        return sum;
    }

    /// <summary>Σ w · x for fp16 w.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Float16(ushort* w, float* x, int count)
    {
        int lanes = Vector<float>.Count, i = 0;
        Vector<float> s0 = default, s1 = default;
        for (; i <= count - 2 * lanes; i += 2 * lanes)
        {
            Prefetch(w + i);
            Vector.Widen(Vector.Load(w + i), out var w0, out var w1);
            s0 = Vector.MultiplyAddEstimate(Widen.FromHalf(w0), Vector.Load(x + i), s0);
            s1 = Vector.MultiplyAddEstimate(Widen.FromHalf(w1), Vector.Load(x + i + lanes), s1);
        }

        float sum = Vector.Sum(s0 + s1);
        for (; i < count; i++) sum += (float)BitConverter.UInt16BitsToHalf(w[i]) * x[i];
        return sum;
    }

    /// <summary>A hint: it may name memory past the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(void* address)
    {
        if (Sse.IsSupported) Sse.Prefetch0((byte*)address + PrefetchBytes);
    }
}
