using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>The terms of the gradient of an RMSNorm's weight: dy · x · rstd.</summary>
internal unsafe struct NormWeightTerms : IRowTerms
{
    public float* Dy, X, Rstd;
    public int Dim;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void AddTo<V>(nint row, float* sums) where V : struct, ILanes<V> => Traverse.Each<V, AddOp>(0, Dim, new()
    {
        Dy = Dy + row * Dim,
        X = X + row * Dim,
        Sums = sums,
        Rstd = Rstd[row],
    });

    private struct AddOp : IElementwise
    {
        public float* Dy, X, Sums;
        public float Rstd;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : struct, ILanes<V> =>
            (V.Load(Sums + i) + V.Load(Dy + i) * (V.Load(X + i) * V.Broadcast(Rstd))).Store(Sums + i);
    }
}
