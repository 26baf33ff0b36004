using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>Transcendental functions over lanes.</summary>
internal static class VectorMath
{
    /// <summary>eˣ, relative error below 1.5 · 2⁻²³ wherever the result is a normal number; subnormals, 0 and ∞ where they belong; NaN
    /// stays.</summary>
    /// <remarks>x = n·ln 2 + r with |r| ≤ ½·ln 2, and eʳ by its Taylor series, whose remainder r⁸/8! is below 2⁻²⁷.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x) where V : struct, ILanes<V>
    {
        const float Log2E = 1.44269504f;
        const float Ln2High = 0.693359375f; // 10 bits, so that n · Ln2High is exact without FMA too
        const float Ln2Low = -2.12194440e-4f;

        V n = V.Round(x * V.Broadcast(Log2E));
        V r = V.MultiplyAdd(n, V.Broadcast(-Ln2High), x);
        r = V.MultiplyAdd(n, V.Broadcast(-Ln2Low), r);

        V p = V.MultiplyAdd(r, V.Broadcast(1f / 5040), V.Broadcast(1f / 720));
        p = V.MultiplyAdd(p, r, V.Broadcast(1f / 120));
        p = V.MultiplyAdd(p, r, V.Broadcast(1f / 24));
        p = V.MultiplyAdd(p, r, V.Broadcast(1f / 6));
        p = V.MultiplyAdd(p, r, V.Broadcast(0.5f));
        p = V.MultiplyAdd(p, r, V.Broadcast(1f));
        p = V.MultiplyAdd(p, r, V.Broadcast(1f));

        V half = V.Round(n * V.Broadcast(0.5f)); // 2ⁿ in two factors, since 2¹²⁸ and 2⁻¹⁴⁹ are no normal numbers
        V y = p * V.PowerOfTwo(half) * V.PowerOfTwo(n - half);

        y = V.WhereLess(x, V.Broadcast(-104f), V.Broadcast(0f), y); // e⁻¹⁰⁴ is below half the smallest subnormal
        return V.WhereLess(V.Broadcast(89f), x, V.Broadcast(float.PositiveInfinity), y);
    }

    /// <summary><see cref="Exp{V}"/> for kernels over <see cref="Vector{T}"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp(Vector<float> x) => Vector<float>.Count switch
    {
        16 => ((Vector512<float>)Exp<Lanes512>(x.AsVector512())).AsVector(),
        8 => ((Vector256<float>)Exp<Lanes256>(x.AsVector256())).AsVector(),
        _ => ((Vector128<float>)Exp<Lanes128>(x.AsVector128())).AsVector(),
    };
}
