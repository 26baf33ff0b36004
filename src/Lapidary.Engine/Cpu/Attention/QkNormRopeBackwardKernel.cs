using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Items are the heads of all tokens.</summary>
internal unsafe struct QkNormRopeBackwardKernel : IKernel
{
    public float* Dy, X, Gain, Cos, Sin, Rstd, Dx;
    public int HeadDim, Heads;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        int half = HeadDim / 2;
        for (nint row = start; row < end; row++)
        {
            float rstd = Rstd[row];
            var back = new RotateBack
            {
                Dy = Dy + row * HeadDim,
                X = X + row * HeadDim,
                Gain = Gain,
                Cos = Cos + row / Heads * half,
                Sin = Sin + row / Heads * half,
                Half = half,
            };
            float mean = Traverse.Sum<V, RotateBack>(half, back) / HeadDim;
            Traverse.Each<V, NormRotateBackwardOp>(0, half, new()
            {
                Back = back,
                Dx = Dx + row * HeadDim,
                Rstd = rstd,
                Projection = rstd * rstd * mean,
            });
        }
    }
}

/// <summary>The gradient before the norm's scaling: dy rotated back, times 1 + w. Its terms are those of Σ g · x.</summary>
internal unsafe struct RotateBack : ITerms
{
    public float* Dy, X, Gain, Cos, Sin;
    public int Half;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Gradient<V>(nint i, out V g1, out V g2) where V : struct, ILanes<V>
    {
        V dy1 = V.Load(Dy + i), dy2 = V.Load(Dy + Half + i), cos = V.Load(Cos + i), sin = V.Load(Sin + i);
        g1 = (dy1 * cos + dy2 * sin) * V.Load(Gain + i);
        g2 = (dy2 * cos - dy1 * sin) * V.Load(Gain + Half + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly V At<V>(nint i) where V : struct, ILanes<V>
    {
        Gradient(i, out V g1, out V g2);
        return g1 * V.Load(X + i) + g2 * V.Load(X + Half + i);
    }
}

/// <summary>dx of the pairs, from the gradient rotated back.</summary>
internal unsafe struct NormRotateBackwardOp : IElementwise
{
    public RotateBack Back;
    public float* Dx;
    public float Rstd, Projection;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V>
    {
        Back.Gradient(i, out V g1, out V g2);
        V rstd = V.Broadcast(Rstd), projection = V.Broadcast(Projection);
        V dx1 = rstd * (g1 - V.Load(Back.X + i) * projection);
        V dx2 = rstd * (g2 - V.Load(Back.X + Back.Half + i) * projection);
        dx1.Store(Dx + i);
        dx2.Store(Dx + Back.Half + i);
    }
}
