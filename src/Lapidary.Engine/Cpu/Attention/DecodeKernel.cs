using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Items are the chunks of each kv head. A partial is the maximum score, Σ exp(s − max), the chunk's scores and Σ exp(s −
/// max)·v.</summary>
internal unsafe struct DecodeKernel : IKernel
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
