using System.Numerics;
using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>Sums of squares in fp64; items are blocks of <see cref="BlockLength"/> elements.</summary>
internal unsafe struct SquaresRange : IRange
{
    private const int BlockLength = 16384;

    public float* Gradient;
    public long Count;
    public double* Sums;

    /// <summary>The sum over a gradient, block by block in order.</summary>
    public static double Sum(WorkerTeam team, Scratch scratch, Tensor gradient)
    {
        int blocks = checked((int)((gradient.Count + BlockLength - 1) / BlockLength));
        double* sums = (double*)scratch.Get("gradient norm", blocks * (long)sizeof(double));
        var range = new SquaresRange { Gradient = gradient.Pointer<float>(), Count = gradient.Count, Sums = sums };
        team.For(blocks, grain: 1, ref range);
        if (team.IsIdle) return 0;

        double total = 0;
        for (int i = 0; i < blocks; i++) total += sums[i];
        return total;
    }

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
