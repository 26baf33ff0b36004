using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Nf4;

/// <summary>Arithmetic as in bitsandbytes' CUDA kernels, which are built with --use_fast_math: numbers too small for a normal fp32 count as
/// zero.</summary>
/// <remarks>fast_math also divides by an approximate reciprocal, up to 1 ulp off; ADR 0004 has why an exact one is used here.</remarks>
internal static class FlushToZero
{
    private const float SmallestNormal = 1.17549435e-38f;

    /// <summary>x, or 0 where |x| is below 2⁻¹²⁶.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Flush(float x) => MathF.Abs(x) < SmallestNormal ? 0 : x;

    /// <inheritdoc cref="Flush(float)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Flush(Vector<float> x) =>
        Vector.ConditionalSelect(Vector.LessThan(Vector.Abs(x), new Vector<float>(SmallestNormal)), Vector<float>.Zero, x);

    /// <summary>1 / x: infinite for 0, and 0 where the result would be too small.</summary>
    public static float Reciprocal(float x) => Flush(1 / x);
}
