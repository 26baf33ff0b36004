using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>Items are rows.</summary>
internal unsafe struct RmsNormKernel : IKernel
{
    public float* X, Gain, Residual, Y, Rstd;
    public int Dim;
    public float Epsilon;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        for (nint row = start; row < end; row++)
        {
            float* x = X + row * Dim, y = Y + row * Dim;
            float rstd = 1 / MathF.Sqrt(Traverse.Sum<V, SquareTerms>(Dim, new() { X = x }) / Dim + Epsilon);
            Rstd[row] = rstd;
            if (Residual == null) Traverse.Each<V, NormOp>(0, Dim, new() { X = x, Gain = Gain, Y = y, Rstd = rstd });
            else Traverse.Each<V, NormAddOp>(0, Dim, new() { X = x, Gain = Gain, Residual = Residual + row * Dim, Y = y, Rstd = rstd });
        }
    }
}

/// <summary>y = x · rstd · gain.</summary>
internal unsafe struct NormOp : IElementwise
{
    public float* X, Gain, Y;
    public float Rstd;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V> =>
        (V.Load(X + i) * V.Broadcast(Rstd) * V.Load(Gain + i)).Store(Y + i);
}

/// <summary>y = residual + x · rstd · gain.</summary>
internal unsafe struct NormAddOp : IElementwise
{
    public float* X, Gain, Residual, Y;
    public float Rstd;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V> =>
        (V.Load(Residual + i) + V.Load(X + i) * V.Broadcast(Rstd) * V.Load(Gain + i)).Store(Y + i);
}
