using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Items are the heads of all tokens.</summary>
internal unsafe struct QkNormRopeKernel : IKernel
{
    public float* X, Gain, Cos, Sin, Y, Rstd;
    public int HeadDim, Heads;
    public float Epsilon;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        int half = HeadDim / 2;
        for (nint row = start; row < end; row++)
        {
            float* x = X + row * HeadDim;
            float rstd = 1 / MathF.Sqrt(Traverse.Sum<V, SquareTerms>(HeadDim, new() { X = x }) / HeadDim + Epsilon);
            Rstd[row] = rstd;
            Traverse.Each<V, NormRotateOp>(0, half, new()
            {
                X = x,
                Gain = Gain,
                Cos = Cos + row / Heads * half,
                Sin = Sin + row / Heads * half,
                Y = Y + row * HeadDim,
                Half = half,
                Rstd = rstd,
            });
        }
    }
}

/// <summary>The normed pairs (i, i + half), rotated.</summary>
internal unsafe struct NormRotateOp : IElementwise
{
    public float* X, Gain, Cos, Sin, Y;
    public int Half;
    public float Rstd;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V>
    {
        V rstd = V.Broadcast(Rstd), cos = V.Load(Cos + i), sin = V.Load(Sin + i);
        V n1 = V.Load(X + i) * rstd * V.Load(Gain + i);
        V n2 = V.Load(X + Half + i) * rstd * V.Load(Gain + Half + i);
        (n1 * cos - n2 * sin).Store(Y + i);
        (n2 * cos + n1 * sin).Store(Y + Half + i);
    }
}
