using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Items are the chunks of each kv head of each token. Chunks are counted from a token's first visible position. A partial is the
/// maximum score, Σ exp(s − max), the chunk's scores and Σ exp(s − max)·v.</summary>
internal unsafe struct CachedAttentionKernel : IKernel
{
    public const int ChunkLength = 128;
    private const int SumsOffset = 2 + ChunkLength;

    public float* Q, Keys, Values, Partials;
    public int* Slots, Positions;
    public KvSlots Cache;
    public int Window, Group, KvHeads, HeadDim, MaxChunks;
    public float Scale;

    public readonly int PartialFloats => SumsOffset + HeadDim;

    /// <summary>Chunks of a token; 0 for a row without one.</summary>
    public readonly int Chunks(int token) => Slots[token] < 0 ? 0 : (Visible(token) + ChunkLength - 1) / ChunkLength;

    public readonly float* Partial(int token, int head, int chunk) =>
        Partials + (((nint)token * KvHeads * Group + head) * MaxChunks + chunk) * PartialFloats;

    public readonly float* PartialSums(int token, int head, int chunk) => Partial(token, head, chunk) + SumsOffset;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        for (int item = start; item < end; item++)
        {
            int token = item / (KvHeads * MaxChunks), chunk = item / KvHeads % MaxChunks;
            if (chunk < Chunks(token)) Attend<V>(token, chunk, item % KvHeads);
        }
    }

    private readonly void Attend<V>(int token, int chunk, int kvHead) where V : struct, ILanes<V>
    {
        int end = Positions[token] + 1, first = end - Visible(token) + chunk * ChunkLength, length = Math.Min(ChunkLength, end - first);
        float* q = Q + (nint)token * KvHeads * Group * HeadDim;

        // Position by position, all heads of the group: each key and value is read from memory once.
        for (int i = 0; i < length; i++)
        {
            float* key = Keys + RowOffset(token, first + i, kvHead);
            for (int h = kvHead * Group; h < (kvHead + 1) * Group; h++)
            {
                var terms = new DotTerms { X = q + (nint)h * HeadDim, Y = key };
                Partial(token, h, chunk)[2 + i] = Scale * Traverse.Sum<V, DotTerms>(HeadDim, terms);
            }
        }

        for (int h = kvHead * Group; h < (kvHead + 1) * Group; h++)
        {
            float* partial = Partial(token, h, chunk);
            partial[0] = Traverse.Max<V>(length, partial + 2);
            partial[1] = Traverse.Sum<V, ExpTerms>(length, new() { X = partial + 2, Max = partial[0] });
            new Span<float>(PartialSums(token, h, chunk), HeadDim).Clear();
        }

        for (int i = 0; i < length; i++)
        {
            float* value = Values + RowOffset(token, first + i, kvHead);
            for (int h = kvHead * Group; h < (kvHead + 1) * Group; h++)
            {
                var op = new ScaledAddOp { X = value, Factor = Partial(token, h, chunk)[2 + i], Y = PartialSums(token, h, chunk) };
                Traverse.Each<V, ScaledAddOp>(0, HeadDim, op);
            }
        }
    }

    private readonly int Visible(int token) => Math.Min(Positions[token] + 1, Window);

    private readonly nint RowOffset(int token, int position, int kvHead) =>
        (Cache.Entry(Slots[token], position) * KvHeads + kvHead) * HeadDim;
}
