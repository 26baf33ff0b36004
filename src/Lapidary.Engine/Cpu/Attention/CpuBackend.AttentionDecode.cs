using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>The visible positions are cut into chunks whose partial softmaxes are joined in order, so the threads share even a single
    /// kv head.</remarks>
    public void AttentionDecode(Tensor q, Tensor keys, Tensor values, Tensor position, AttentionShape shape, Tensor o)
    {
        int last = *position.Pointer<int>(), capacity = checked((int)keys.Shape[0]);
        int visible = Math.Min(Math.Min(last + 1, shape.Window), capacity);
        int chunks = (visible + DecodeKernel.ChunkLength - 1) / DecodeKernel.ChunkLength;
        var kernel = new DecodeKernel
        {
            Q = q.Pointer<float>(),
            Keys = keys.Pointer<float>(),
            Values = values.Pointer<float>(),
            FirstPosition = last + 1 - visible,
            EndPosition = last + 1,
            Capacity = capacity,
            Group = shape.Heads / shape.KvHeads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Chunks = chunks,
            Scale = shape.Scale,
        };
        kernel.Partials = (float*)_scratch.Get("attention decode", (long)shape.Heads * chunks * kernel.PartialFloats * sizeof(float));
        Parallel((long)chunks * shape.KvHeads, grain: 1, kernel);
        Parallel(shape.Heads, grain: 16, new DecodeJoinKernel { Of = kernel, O = o.Pointer<float>() });
    }

    /// <summary>Items are the chunks of each kv head. A partial is the maximum score, Σ exp(s − max), the chunk's scores and Σ exp(s −
    /// max)·v.</summary>
    private struct DecodeKernel : IKernel
    {
        public const int ChunkLength = 128;
        private const int SumsOffset = 2 + ChunkLength;

        public float* Q, Keys, Values, Partials;
        public int FirstPosition, EndPosition, Capacity, Group, KvHeads, HeadDim, Chunks;
        public float Scale;

        public readonly int PartialFloats => SumsOffset + HeadDim;

        public readonly float* Partial(int head, int chunk) => Partials + ((nint)head * Chunks + chunk) * PartialFloats;

        public readonly float* PartialSums(int head, int chunk) => Partial(head, chunk) + SumsOffset;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
        {
            for (int item = start; item < end; item++)
            {
                int chunk = item / KvHeads, kvHead = item % KvHeads;
                int first = FirstPosition + chunk * ChunkLength, length = Math.Min(ChunkLength, EndPosition - first);

                // Position by position, all heads of the group: each key and value is read from memory once.
                for (int i = 0; i < length; i++)
                {
                    float* key = Keys + RowOffset(first + i, kvHead);
                    for (int h = kvHead * Group; h < (kvHead + 1) * Group; h++)
                    {
                        var terms = new DotTerms { X = Q + (nint)h * HeadDim, Y = key };
                        Partial(h, chunk)[2 + i] = Scale * Traverse.Sum<V, DotTerms>(HeadDim, terms);
                    }
                }

                for (int h = kvHead * Group; h < (kvHead + 1) * Group; h++)
                {
                    float* partial = Partial(h, chunk);
                    partial[0] = Traverse.Max<V>(length, partial + 2);
                    partial[1] = Traverse.Sum<V, ExpTerms>(length, new() { X = partial + 2, Max = partial[0] });
                    new Span<float>(PartialSums(h, chunk), HeadDim).Clear();
                }

                for (int i = 0; i < length; i++)
                {
                    float* value = Values + RowOffset(first + i, kvHead);
                    for (int h = kvHead * Group; h < (kvHead + 1) * Group; h++)
                    {
                        var op = new ScaledAddOp { X = value, Factor = Partial(h, chunk)[2 + i], Y = PartialSums(h, chunk) };
                        Traverse.Each<V, ScaledAddOp>(0, HeadDim, op);
                    }
                }
            }
        }

        private readonly nint RowOffset(int position, int kvHead) => ((nint)(position % Capacity) * KvHeads + kvHead) * HeadDim;
    }

    /// <summary>Items are the query heads.</summary>
    private struct DecodeJoinKernel : IKernel
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
}
