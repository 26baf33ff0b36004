using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>y = gelu_tanh(gate) · up.</summary>
internal unsafe struct GeGluOp : IElementwise
{
    public float* Gate, Up, Y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V>
    {
        V gate = V.Load(Gate + i);
        Gelu.Sigmoid(gate, out V s, out _);
        (gate * s * V.Load(Up + i)).Store(Y + i);
    }
}

/// <summary>The gradients of gate and up; each may be stored over its input.</summary>
internal unsafe struct GeGluBackwardOp : IElementwise
{
    public float* Dy, Gate, Up, DGate, DUp;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V>
    {
        V gate = V.Load(Gate + i), dy = V.Load(Dy + i), up = V.Load(Up + i);
        Gelu.Sigmoid(gate, out V s, out V slope);
        (dy * up * V.MultiplyAdd(gate, slope, s)).Store(DGate + i);
        (dy * gate * s).Store(DUp + i);
    }
}

/// <summary>gelu_tanh(g) = g · σ(z) with z = 2·√(2/π)·(g + 0.044715·g³), since ½·(1 + tanh(z/2)) = σ(z): one exponential, and no
/// cancellation where tanh is near −1.</summary>
internal static class Gelu
{
    private const float Linear = 1.59576912f; // 2·√(2/π)
    private const float Cubic = Linear * 0.044715f;

    /// <summary>σ(z) and its derivative dσ/dg = σ(z)·σ(−z)·dz/dg.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Sigmoid<V>(V g, out V s, out V slope) where V : struct, ILanes<V>
    {
        V square = g * g, zero = V.Broadcast(0), one = V.Broadcast(1);
        V z = g * V.MultiplyAdd(square, V.Broadcast(Cubic), V.Broadcast(Linear));
        V e = VectorMath.Exp(V.WhereLess(z, zero, z, zero - z)); // e^−|z|, which cannot overflow
        V large = one / (one + e), small = e * large; // σ(|z|) and σ(−|z|)
        s = V.WhereLess(z, zero, small, large);
        slope = large * small * V.MultiplyAdd(square, V.Broadcast(3 * Cubic), V.Broadcast(Linear));
    }
}
