using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>y = x · factor.</summary>
internal unsafe struct ScaleOp : IElementwise
{
    public float* X, Y;
    public float Factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V> => (V.Load(X + i) * V.Broadcast(Factor)).Store(Y + i);
}

/// <summary>y += factor · x.</summary>
internal unsafe struct ScaledAddOp : IElementwise
{
    public float* X, Y;
    public float Factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V> =>
        V.MultiplyAdd(V.Load(X + i), V.Broadcast(Factor), V.Load(Y + i)).Store(Y + i);
}
