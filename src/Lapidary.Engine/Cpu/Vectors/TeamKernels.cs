using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine.Cpu.Vectors;

/// <summary>Runs kernels that are written over lanes on a team.</summary>
internal static class TeamKernels
{
    /// <summary>Runs a kernel over <paramref name="count"/> items, <paramref name="grain"/> items at a time.</summary>
    public static void Run<TKernel>(this WorkerTeam team, long count, int grain, TKernel kernel) where TKernel : struct, IKernel
    {
        var range = new Widest<TKernel>(kernel);
        team.For(checked((int)count), grain, ref range);
    }

    /// <summary>Runs an element-wise operation over <paramref name="count"/> elements.</summary>
    public static void Each<TOp>(this WorkerTeam team, long count, TOp op) where TOp : struct, IElementwise
    {
        long blocks = (count + ElementwiseKernel<TOp>.BlockLength - 1) / ElementwiseKernel<TOp>.BlockLength;
        team.Run(blocks, grain: 1, new ElementwiseKernel<TOp> { Count = (nint)count, Op = op });
    }

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
