using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Items are the query heads of each token. A token's partials are joined in order.</summary>
internal unsafe struct CachedAttentionJoinKernel : IKernel
{
    public CachedAttentionKernel Of;
    public float* O;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        for (int item = start; item < end; item++)
        {
            int heads = Of.KvHeads * Of.Group, token = item / heads, head = item % heads, chunks = Of.Chunks(token);
            float max = float.NegativeInfinity, sum = 0;
            for (int chunk = 0; chunk < chunks; chunk++) max = MathF.Max(max, Of.Partial(token, head, chunk)[0]);
            for (int chunk = 0; chunk < chunks; chunk++) sum += Of.Partial(token, head, chunk)[1] * Weight(token, head, chunk, max);

            float* o = O + (nint)item * Of.HeadDim;
            new Span<float>(o, Of.HeadDim).Clear();
            for (int chunk = 0; chunk < chunks; chunk++)
            {
                var op = new ScaledAddOp
                {
                    X = Of.PartialSums(token, head, chunk),
                    Factor = Weight(token, head, chunk, max) / sum,
                    Y = o,
                };
                Traverse.Each<V, ScaledAddOp>(0, Of.HeadDim, op);
            }
        }
    }

    private readonly float Weight(int token, int head, int chunk, float max) =>
        VectorMath.Exp<Lane1>(Of.Partial(token, head, chunk)[0] - max);
}
