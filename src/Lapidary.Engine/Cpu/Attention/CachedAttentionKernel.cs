using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Items are a chunk of positions of each kv head of a tile of tokens. Chunks begin at multiples of their length, so neighbouring
/// tokens of a text read the same keys and values, which stay in the caches. A token's chunk is computed from its own visible positions
/// alone. A partial is the maximum score, Σ exp(s − max) and Σ exp(s − max)·v.</summary>
internal unsafe struct CachedAttentionKernel : IKernel
{
    private const int ChunkLength = 128;
    private const int SumsOffset = 16;

    /// <summary>Keys that all tokens of a tile meet before the next keys are read.</summary>
    private const int KeyBlock = 32;

    public float* Q, Keys, Values, Partials, Scratch;
    public int* Slots, Positions;
    public KvSlots Cache;
    public int Tokens, TileTokens, Window, Group, KvHeads, HeadDim;
    public float Scale;

    /// <summary>Tokens of a tile: enough to read keys and values seldom, few enough for many tiles.</summary>
    public static int TileFor(int tokens) => Math.Clamp(tokens / 16, 1, 8);

    /// <summary>Most chunks that a token sees a position of.</summary>
    public readonly int MaxChunks => (Window + ChunkLength - 2) / ChunkLength + 1;

    public readonly int PartialFloats => SumsOffset + HeadDim;

    /// <summary>Floats of a worker: the scores of a tile.</summary>
    public readonly int ScratchFloats => TileTokens * Group * ChunkLength;

    /// <summary>Chunks of a token; 0 for a row without one.</summary>
    public readonly int Chunks(int token) => Slots[token] < 0 ? 0 : Positions[token] / ChunkLength - FirstChunk(token) + 1;

    public readonly float* Partial(int token, int head, int chunk) =>
        Partials + (((nint)token * KvHeads * Group + head) * MaxChunks + chunk) * PartialFloats;

    public readonly float* PartialSums(int token, int head, int chunk) => Partial(token, head, chunk) + SumsOffset;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        for (int item = start; item < end; item++)
        {
            int first = item / (KvHeads * MaxChunks) * TileTokens, chunk = item / KvHeads % MaxChunks;
            var tile = new Tile(first, Math.Min(first + TileTokens, Tokens), chunk, item % KvHeads, Scratch + (nint)worker * ScratchFloats);
            Score<V>(in tile);
            Normalize<V>(in tile);
            Sum<V>(in tile);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Score<V>(in Tile tile) where V : struct, ILanes<V>
    {
        for (int block = 0; block < ChunkLength; block += KeyBlock)
        {
            for (int token = tile.First; token < tile.End; token++)
            {
                var (low, high) = Visible(token, tile.Chunk);
                high = Math.Min(high, block + KeyBlock);
                int count;
                for (int i = Math.Max(low, block); i < high; i += count)
                {
                    nint at = Run(token, tile, i, high, out count);
                    int h = 0;
                    for (; V.Count == 16 && h <= Group - 4; h += 4)
                    {
                        float* query = Query(token, tile.KvHead, h), scores = Scores(tile, token, h) + i;
                        RowQuad<V>.Dots(query, Keys + at, count, Stride, HeadDim, Scale, scores, ChunkLength);
                    }

                    for (; h < Group; h += 2)
                    {
                        int other = Math.Min(h + 1, Group - 1);
                        RowPair<V>.Dots(
                            Query(token, tile.KvHead, h), Query(token, tile.KvHead, other), Keys + at, count, Stride, HeadDim, Scale,
                            Scores(tile, token, h) + i, Scores(tile, token, other) + i);
                    }
                }
            }
        }
    }

    /// <summary>Turns scores into exp(s − max), positions that a token does not see into 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Normalize<V>(in Tile tile) where V : struct, ILanes<V>
    {
        for (int token = tile.First; token < tile.End; token++)
        {
            var (low, high) = Visible(token, tile.Chunk);
            if (low >= high) continue;

            // Whole rounds of the sum: terms that are 0 change nothing, however many there are.
            int round = 4 * V.Count, length = (high + round - 1) / round * round;
            for (int h = 0; h < Group; h++)
            {
                float* scores = Scores(tile, token, h), partial = Partial(token, tile.KvHead * Group + h, tile.Chunk);
                new Span<float>(scores, low).Fill(float.NegativeInfinity);
                new Span<float>(scores + high, length - high).Fill(float.NegativeInfinity);
                partial[0] = Traverse.Max<V>(length, scores);
                partial[1] = Traverse.Sum<V, ExpTerms>(length, new() { X = scores, Max = partial[0] });
                new Span<float>(partial + SumsOffset, HeadDim).Clear();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Sum<V>(in Tile tile) where V : struct, ILanes<V>
    {
        for (int block = 0; block < ChunkLength; block += KeyBlock)
        {
            for (int token = tile.First; token < tile.End; token++)
            {
                var (low, high) = Visible(token, tile.Chunk);
                high = Math.Min(high, block + KeyBlock);
                int count;
                for (int i = Math.Max(low, block); i < high; i += count)
                {
                    nint at = Run(token, tile, i, high, out count);
                    int h = 0, head = tile.KvHead * Group;
                    for (; V.Count == 16 && HeadDim % 64 == 0 && h <= Group - 4; h += 4)
                    {
                        RowQuad<V>.AddWeighted(
                            Scores(tile, token, h) + i, ChunkLength, Values + at, count, Stride, HeadDim,
                            PartialSums(token, head + h, tile.Chunk), (nint)MaxChunks * PartialFloats);
                    }

                    for (; h < Group; h += 2)
                    {
                        int other = Math.Min(h + 1, Group - 1);
                        RowPair<V>.AddWeighted(
                            Scores(tile, token, h) + i, Scores(tile, token, other) + i, Values + at, count, Stride, HeadDim,
                            PartialSums(token, head + h, tile.Chunk), PartialSums(token, head + other, tile.Chunk));
                    }
                }
            }
        }
    }

    /// <summary>Floats from position to position of a cache.</summary>
    private readonly nint Stride => (nint)KvHeads * HeadDim;

    private readonly int FirstChunk(int token) => Math.Max(0, Positions[token] + 1 - Window) / ChunkLength;

    /// <summary>The positions of a chunk that a token sees, from the chunk's first on.</summary>
    private readonly (int Low, int High) Visible(int token, int chunk)
    {
        if (chunk >= Chunks(token)) return (0, 0);
        int first = (FirstChunk(token) + chunk) * ChunkLength, position = Positions[token];
        return (Math.Max(0, position + 1 - Window - first), Math.Min(ChunkLength, position + 1 - first));
    }

    /// <summary>Where a run of positions starts in the cache, and how many of them follow each other there.</summary>
    private readonly nint Run(int token, in Tile tile, int from, int end, out int count)
    {
        int position = (FirstChunk(token) + tile.Chunk) * ChunkLength + from;
        count = Math.Min(end - from, Cache.Capacity - position % Cache.Capacity);
        return (Cache.Entry(Slots[token], position) * KvHeads + tile.KvHead) * HeadDim;
    }

    private readonly float* Query(int token, int kvHead, int h) => Q + (((nint)token * KvHeads + kvHead) * Group + h) * HeadDim;

    private readonly float* Scores(in Tile tile, int token, int h) => tile.Scores + ((token - tile.First) * Group + h) * ChunkLength;

    /// <summary>A chunk of some tokens, counted from the first that each of them sees.</summary>
    private readonly struct Tile(int first, int end, int chunk, int kvHead, float* scores)
    {
        public readonly int First = first, End = end, Chunk = chunk, KvHead = kvHead;
        public readonly float* Scores = scores;
    }
}
