using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Cpu;

/// <summary>Elementary functions of fp32 vectors, of the width that <see cref="Vector{T}"/> has on the machine.</summary>
internal static class VectorMath
{
    /// <summary>eˣ within 2 ulp; 0 below −87.3 (results under 2⁻¹²⁶ are flushed), ∞ above 88.7, NaN for NaN.</summary>
    /// <remarks>x = n·ln 2 + r with |r| ≤ ½·ln 2; ln 2 is split in two so that r is exact; eʳ is its Taylor polynomial of degree 7, whose
    /// remainder is under 2⁻²⁷; 2ⁿ is applied in two factors because n = 128 has no fp32.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp(Vector<float> x)
    {
        var clamped = Vector.Min(Vector.Max(x, Vector.Create(-88f)), Vector.Create(89f));
        var n = Vector.Round(clamped * Vector.Create(1.44269504f));
        var r = Vector.FusedMultiplyAdd(n, Vector.Create(-0.693145752f), clamped);
        r = Vector.FusedMultiplyAdd(n, Vector.Create(-1.42860677e-6f), r);

        var p = Vector.Create(1f / 5040);
        p = Vector.FusedMultiplyAdd(p, r, Vector.Create(1f / 720));
        p = Vector.FusedMultiplyAdd(p, r, Vector.Create(1f / 120));
        p = Vector.FusedMultiplyAdd(p, r, Vector.Create(1f / 24));
        p = Vector.FusedMultiplyAdd(p, r, Vector.Create(1f / 6));
        p = Vector.FusedMultiplyAdd(p, r, Vector.Create(0.5f));
        p = Vector.FusedMultiplyAdd(p, r, Vector<float>.One);
        p = Vector.FusedMultiplyAdd(p, r, Vector<float>.One);

        var exponent = Vector.ConvertToInt32(n);
        var half = exponent >> 1;
        var result = p * PowerOfTwo(half) * PowerOfTwo(exponent - half);
        result = Vector.ConditionalSelect(Vector.LessThan(x, Vector.Create(-87.3365402f)), Vector<float>.Zero, result);
        return Vector.ConditionalSelect(Vector.Equals(x, x), result, x);
    }

    /// <summary>2ⁿ for −126 ≤ n ≤ 127, by writing the exponent bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> PowerOfTwo(Vector<int> n) => Vector.AsVectorSingle((n + Vector.Create(127)) << 23);
}
