using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Runs a kernel over <paramref name="count"/> items on the team, <paramref name="grain"/> items at a time.</summary>
    private void Parallel<TKernel>(long count, int grain, TKernel kernel) where TKernel : struct, IKernel
    {
        var range = new Widest<TKernel>(kernel);
        _team.For(checked((int)count), grain, ref range);
    }

    /// <summary>Runs an element-wise operation over <paramref name="count"/> elements on the team.</summary>
    private void Each<TOp>(long count, TOp op) where TOp : struct, IElementwise
    {
        long blocks = (count + ElementwiseKernel<TOp>.BlockLength - 1) / ElementwiseKernel<TOp>.BlockLength;
        Parallel(blocks, grain: 1, new ElementwiseKernel<TOp> { Count = (nint)count, Op = op });
    }

    /// <summary>Rows per chunk such that a chunk has some ten thousand elements, enough to outweigh taking it.</summary>
    private static int RowGrain(int dim) => Math.Max(1, 16384 / dim);

    private struct ElementwiseKernel<TOp> : IKernel where TOp : struct, IElementwise
    {
        public const int BlockLength = 16384;

        public nint Count;
        public TOp Op;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V> =>
            Traverse.Each<V, TOp>((nint)start * BlockLength, Math.Min(Count, (nint)end * BlockLength), Op);
    }
}
