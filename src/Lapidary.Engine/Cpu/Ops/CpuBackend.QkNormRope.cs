using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void QkNormRopeForward(Tensor x, Tensor weight, Tensor cos, Tensor sin, float epsilon, Tensor y, Tensor rstd)
    {
        int headDim = checked((int)weight.Count);
        Parallel(x.Count / headDim, RowGrain(headDim), new QkNormRopeKernel
        {
            X = x.Pointer<float>(),
            Gain = NormGain(weight),
            Cos = cos.Pointer<float>(),
            Sin = sin.Pointer<float>(),
            Y = y.Pointer<float>(),
            Rstd = rstd.Pointer<float>(),
            HeadDim = headDim,
            Heads = (int)(x.Count / cos.Shape[0] / headDim),
            Epsilon = epsilon,
        });
    }

    /// <inheritdoc/>
    public void QkNormRopeBackward(Tensor dy, Tensor x, Tensor weight, Tensor cos, Tensor sin, Tensor rstd, Tensor dx)
    {
        int headDim = checked((int)weight.Count);
        Parallel(x.Count / headDim, RowGrain(headDim), new QkNormRopeBackwardKernel
        {
            Dy = dy.Pointer<float>(),
            X = x.Pointer<float>(),
            Gain = NormGain(weight),
            Cos = cos.Pointer<float>(),
            Sin = sin.Pointer<float>(),
            Rstd = rstd.Pointer<float>(),
            Dx = dx.Pointer<float>(),
            HeadDim = headDim,
            Heads = (int)(x.Count / cos.Shape[0] / headDim),
        });
    }

    /// <summary>Items are the heads of all tokens.</summary>
    private struct QkNormRopeKernel : IKernel
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

    private struct QkNormRopeBackwardKernel : IKernel
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

    private struct NormRotateOp : IElementwise
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

    /// <summary>The gradient before the norm's scaling: dy rotated back, times 1 + w. Its terms are those of Σ g · x.</summary>
    private struct RotateBack : ITerms
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

    private struct NormRotateBackwardOp : IElementwise
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
}
