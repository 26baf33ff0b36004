using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Items are the query heads.</summary>
internal unsafe struct DecodeJoinKernel : IKernel
{
    public DecodeKernel Of;
    public float* O;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        for (int head = start; head < end; head++)
        {
            float max = float.NegativeInfinity, sum = 0;
            for (int chunk = 0; chunk < Of.Chunks; chunk++) max = MathF.Max(max, Of.Partial(head, chunk)[0]);
            for (int chunk = 0; chunk < Of.Chunks; chunk++) sum += Of.Partial(head, chunk)[1] * Weight(head, chunk, max);

            float* o = O + (nint)head * Of.HeadDim;
            new Span<float>(o, Of.HeadDim).Clear();
            for (int chunk = 0; chunk < Of.Chunks; chunk++)
            {
                var op = new ScaledAddOp { X = Of.PartialSums(head, chunk), Factor = Weight(head, chunk, max) / sum, Y = o };
                Traverse.Each<V, ScaledAddOp>(0, Of.HeadDim, op);
            }
        }
    }

    private readonly float Weight(int head, int chunk, float max) => VectorMath.Exp<Lane1>(Of.Partial(head, chunk)[0] - max);
}
