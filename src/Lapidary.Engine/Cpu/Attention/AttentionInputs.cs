using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>The inputs of the attention kernels, and the tiles of the score matrix that they may skip.</summary>
/// <remarks>The keys visible to token t are one run, <see cref="FirstKey"/>(t)…t. Documents follow each other, so FirstKey never decreases
/// and the keys visible to a run of tokens are one run too: from the first token's FirstKey to the last token.</remarks>
internal unsafe struct AttentionInputs
{
    /// <summary>Tokens and keys along a tile's edge.</summary>
    public const int Tile = 64;

    public float* Q, K, V;
    public int* DocumentStarts;
    public int Tokens, Heads, KvHeads, HeadDim, Window;
    public float Scale;

    public AttentionInputs(Tensor q, Tensor k, Tensor v, Tensor documentStarts, AttentionShape shape)
    {
        Q = q.Pointer<float>();
        K = k.Pointer<float>();
        V = v.Pointer<float>();
        DocumentStarts = documentStarts.Pointer<int>();
        (Heads, KvHeads, HeadDim, Window, Scale) = (shape.Heads, shape.KvHeads, shape.HeadDim, shape.Window, shape.Scale);
        Tokens = checked((int)(q.Count / QueryStride));
    }

    /// <summary>Query heads per key and value head.</summary>
    public readonly int Group => Heads / KvHeads;

    /// <summary>Floats from token to token of q and o.</summary>
    public readonly int QueryStride => Heads * HeadDim;

    /// <summary>Floats from token to token of k and v.</summary>
    public readonly int KvStride => KvHeads * HeadDim;

    /// <summary>Tiles along the tokens.</summary>
    public readonly int Tiles => (Tokens + Tile - 1) / Tile;

    /// <summary>One past the last token of a tile.</summary>
    public readonly int TileEnd(int tile) => Math.Min(Tokens, (tile + 1) * Tile);

    /// <summary>The first tile of keys that a tile of queries sees; the last is its own.</summary>
    public readonly int FirstKeyTile(int queryTile) => FirstKey(queryTile * Tile) / Tile;

    /// <summary>The first key that a token sees; the last is its own.</summary>
    public readonly int FirstKey(int token) => Math.Max(DocumentStarts[token], token - Window + 1);

    /// <summary>Where a row of query heads starts in q, o and their gradients.</summary>
    public readonly nint QueryOffset(int token, int head) => (nint)token * QueryStride + head * HeadDim;

    /// <summary>Where a row starts in k, v and their gradients.</summary>
    public readonly nint KvOffset(int token, int kvHead) => (nint)token * KvStride + kvHead * HeadDim;

    /// <summary>Sets the scores of keys that <paramref name="token"/> does not see to −∞.</summary>
    /// <returns>Whether it sees any of them.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Mask(int token, int firstKey, int keys, float* scores)
    {
        int low = Math.Clamp(FirstKey(token) - firstKey, 0, keys), high = Math.Clamp(token + 1 - firstKey, low, keys);
        new Span<float>(scores, low).Fill(float.NegativeInfinity);
        new Span<float>(scores + high, keys - high).Fill(float.NegativeInfinity);
        return low < high;
    }
}
