using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Distributed.Mpi;

/// <summary>sum = part 0 + part 1 + …, added in that order in fp32. The bits depend only on the number of parts.</summary>
internal unsafe struct RankSum : IKernel, IElementwise
{
    private float* _parts, _sum;
    private nint _stride;
    private int _ranks;

    /// <summary>Adds up.</summary>
    /// <param name="parts">[ranks, count]</param>
    /// <param name="ranks">At least 1.</param>
    /// <param name="count">Elements of a part.</param>
    /// <param name="sum">[count]; may be part 0.</param>
    public static void Of(float* parts, int ranks, int count, float* sum)
    {
        var kernel = new Widest<RankSum>(new RankSum { _parts = parts, _stride = count, _ranks = ranks, _sum = sum });
        kernel.Run(0, count, worker: 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V> => Traverse.Each<V, RankSum>(start, end, this);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V>
    {
        float* part = _parts + i;
        V sum = V.Load(part);
        for (int rank = 1; rank < _ranks; rank++) sum += V.Load(part += _stride);
        sum.Store(_sum + i);
    }
}
