using System.Numerics;
using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void GradientNorm(IReadOnlyList<Tensor> gradients, float maxNorm, Tensor result)
    {
        double total = 0;
        for (int i = 0; i < gradients.Count; i++) total += SumOfSquares(gradients[i]);
        if (OnlyCounts) return;

        float norm = (float)Math.Sqrt(total);
        result.Pointer<float>()[0] = norm;
        result.Pointer<float>()[1] = maxNorm > 0 ? MathF.Min(1, maxNorm / (norm + 1e-6f)) : 1;
    }

    private double SumOfSquares(Tensor gradient)
    {
        int blocks = checked((int)((gradient.Count + SquaresRange.BlockLength - 1) / SquaresRange.BlockLength));
        double* sums = (double*)_scratch.Get("gradient norm", blocks * (long)sizeof(double));
        var range = new SquaresRange { Gradient = gradient.Pointer<float>(), Count = gradient.Count, Sums = sums };
        _team.For(blocks, grain: 1, ref range);
        if (OnlyCounts) return 0;

        double total = 0;
        for (int i = 0; i < blocks; i++) total += sums[i];
        return total;
    }

    private struct SquaresRange : IRange
    {
        public const int BlockLength = 16384;

        public float* Gradient;
        public long Count;
        public double* Sums;

        public readonly void Run(int start, int end, int worker)
        {
            for (int block = start; block < end; block++)
            {
                long first = (long)block * BlockLength;
                Sums[block] = Sum(Gradient + first, (int)Math.Min(BlockLength, Count - first));
            }
        }

        /// <summary>Vector&lt;T&gt; is enough here: the sum is bound by memory.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static double Sum(float* x, int count)
        {
            Vector<double> s0 = default, s1 = default;
            int i = 0;
            for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            {
                Vector.Widen(Vector.Load(x + i), out var low, out var high);
                s0 += low * low;
                s1 += high * high;
            }

            double sum = Vector.Sum(s0 + s1);
            for (; i < count; i++) sum += (double)x[i] * x[i];
            return sum;
        }
    }
}
