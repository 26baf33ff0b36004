using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>x².</summary>
internal unsafe struct SquareTerms : ITerms
{
    public float* X;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly V At<V>(nint i) where V : struct, ILanes<V>
    {
        V x = V.Load(X + i);
        return x * x;
    }
}

/// <summary>x · y.</summary>
internal unsafe struct DotTerms : ITerms
{
    public float* X, Y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly V At<V>(nint i) where V : struct, ILanes<V> => V.Load(X + i) * V.Load(Y + i);
}

/// <summary>exp(x − max), stored over x.</summary>
internal unsafe struct ExpTerms : ITerms
{
    public float* X;
    public float Max;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly V At<V>(nint i) where V : struct, ILanes<V>
    {
        V e = VectorMath.Exp(V.Load(X + i) - V.Broadcast(Max));
        e.Store(X + i);
        return e;
    }
}
