using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>Items are slices of the hidden axis: each takes all tokens in order, so that tokens with the same id never meet on two
/// threads and are summed in one order.</summary>
internal unsafe struct EmbeddingBackwardKernel : IKernel
{
    public const int SliceLength = 64;

    public int* Ids;
    public float* Dy, DTable;
    public int Tokens, Hidden;
    public float Scale;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        nint first = (nint)start * SliceLength, last = Math.Min(Hidden, (nint)end * SliceLength);
        for (nint token = 0; token < Tokens; token++)
        {
            var op = new ScaledAddOp { X = Dy + token * Hidden, Factor = Scale, Y = DTable + (nint)Ids[token] * Hidden };
            Traverse.Each<V, ScaledAddOp>(first, last, op);
        }
    }
}
