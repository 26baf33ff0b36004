using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>The terms of the gradient of q_norm's or k_norm's weight: dy rotated back, times x · rstd. Rows are the heads of all
/// tokens.</summary>
internal unsafe struct QkNormWeightTerms : IRowTerms
{
    public float* Dy, X, Cos, Sin, Rstd;
    public int HeadDim, Heads;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void AddTo<V>(nint row, float* sums) where V : struct, ILanes<V>
    {
        int half = HeadDim / 2;
        Traverse.Each<V, AddOp>(0, half, new()
        {
            Dy = Dy + row * HeadDim,
            X = X + row * HeadDim,
            Cos = Cos + row / Heads * half,
            Sin = Sin + row / Heads * half,
            Sums = sums,
            Half = half,
            Rstd = Rstd[row],
        });
    }

    private struct AddOp : IElementwise
    {
        public float* Dy, X, Cos, Sin, Sums;
        public int Half;
        public float Rstd;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : struct, ILanes<V>
        {
            V dy1 = V.Load(Dy + i), dy2 = V.Load(Dy + Half + i), cos = V.Load(Cos + i), sin = V.Load(Sin + i);
            V rstd = V.Broadcast(Rstd);
            V sum1 = V.Load(Sums + i) + (dy1 * cos + dy2 * sin) * (V.Load(X + i) * rstd);
            V sum2 = V.Load(Sums + Half + i) + (dy2 * cos - dy1 * sin) * (V.Load(X + Half + i) * rstd);
            sum1.Store(Sums + i);
            sum2.Store(Sums + Half + i);
        }
    }
}
