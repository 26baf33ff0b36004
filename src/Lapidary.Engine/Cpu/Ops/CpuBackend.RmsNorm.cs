using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void RmsNormForward(Tensor x, Tensor weight, Tensor? residual, float epsilon, Tensor y, Tensor rstd)
    {
        var (rows, dim) = x.AsRows();
        Parallel(rows, RowGrain(dim), new RmsNormKernel
        {
            X = x.Pointer<float>(),
            Gain = NormGain(weight),
            Residual = residual is null ? null : residual.Pointer<float>(),
            Y = y.Pointer<float>(),
            Rstd = rstd.Pointer<float>(),
            Dim = dim,
            Epsilon = epsilon,
        });
    }

    /// <inheritdoc/>
    public void RmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, bool add)
    {
        var (rows, dim) = x.AsRows();
        Parallel(rows, RowGrain(dim), new RmsNormBackwardKernel
        {
            Dy = dy.Pointer<float>(),
            X = x.Pointer<float>(),
            Gain = NormGain(weight),
            Rstd = rstd.Pointer<float>(),
            Dx = dx.Pointer<float>(),
            Dim = dim,
            Add = add,
        });
    }

    /// <summary>1 + w in fp32, for a norm weight of any floating type: formed once per call, so that the rows' loops need no
    /// type.</summary>
    private float* NormGain(Tensor weight)
    {
        float* gain = (float*)_scratch.Get("norm gain", weight.Count * sizeof(float));
        if (OnlyCounts) return gain;
        for (long i = 0; i < weight.Count; i++)
        {
            gain[i] = 1f + weight.DType switch
            {
                DType.BFloat16 => BFloat16.ToSingle(weight.Pointer<ushort>()[i]),
                DType.Float16 => (float)weight.Pointer<Half>()[i],
                _ => weight.Pointer<float>()[i],
            };
        }

        return gain;
    }

    private struct RmsNormKernel : IKernel
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

    private struct RmsNormBackwardKernel : IKernel
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

    private struct SquareTerms : ITerms
    {
        public float* X;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly V At<V>(nint i) where V : struct, ILanes<V>
        {
            V x = V.Load(X + i);
            return x * x;
        }
    }

    private struct NormOp : IElementwise
    {
        public float* X, Gain, Y;
        public float Rstd;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : struct, ILanes<V> =>
            (V.Load(X + i) * V.Broadcast(Rstd) * V.Load(Gain + i)).Store(Y + i);
    }

    private struct NormAddOp : IElementwise
    {
        public float* X, Gain, Residual, Y;
        public float Rstd;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : struct, ILanes<V> =>
            (V.Load(Residual + i) + V.Load(X + i) * V.Broadcast(Rstd) * V.Load(Gain + i)).Store(Y + i);
    }

    private struct NormDotTerms : ITerms
    {
        public float* Dy, X, Gain;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly V At<V>(nint i) where V : struct, ILanes<V> => V.Load(Dy + i) * V.Load(Gain + i) * V.Load(X + i);
    }

    private struct NormBackwardOp : IElementwise
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
}
