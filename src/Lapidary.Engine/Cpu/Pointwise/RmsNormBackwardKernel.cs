using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>Items are rows.</summary>
internal unsafe struct RmsNormBackwardKernel : IKernel
{
    public float* Dy, X, Gain, Rstd, Dx;
    public int Dim;
    public bool Add;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        for (nint row = start; row < end; row++)
        {
            float* dy = Dy + row * Dim, x = X + row * Dim;
            float rstd = Rstd[row];
            float mean = Traverse.Sum<V, NormDotTerms>(Dim, new() { Dy = dy, X = x, Gain = Gain }) / Dim;
            Traverse.Each<V, NormBackwardOp>(0, Dim, new()
            {
                Dy = dy,
                X = x,
                Gain = Gain,
                Dx = Dx + row * Dim,
                Rstd = rstd,
                Projection = rstd * rstd * mean,
                Add = Add,
            });
        }
    }
}

/// <summary>The terms of Σ g · x, g = dy · gain.</summary>
internal unsafe struct NormDotTerms : ITerms
{
    public float* Dy, X, Gain;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly V At<V>(nint i) where V : struct, ILanes<V> => V.Load(Dy + i) * V.Load(Gain + i) * V.Load(X + i);
}

/// <summary>dx = rstd · (g − x · projection), stored or added.</summary>
internal unsafe struct NormBackwardOp : IElementwise
{
    public float* Dy, X, Gain, Dx;
    public float Rstd, Projection;
    public bool Add;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V>
    {
        V g = V.Load(Dy + i) * V.Load(Gain + i);
        V dx = V.Broadcast(Rstd) * (g - V.Load(X + i) * V.Broadcast(Projection));
        (Add ? V.Load(Dx + i) + dx : dx).Store(Dx + i);
    }
}
