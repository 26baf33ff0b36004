using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Products;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Flash attention (arXiv:2205.14135). An item is a tile of tokens of one kv head with all query heads of its group: they see
/// the same keys, so one packed tile of keys serves them all. Its rows are token by token, heads within.</summary>
internal unsafe struct AttentionKernel : IKernel
{
    private const int KeysPerTile = AttentionInputs.Tile;
    private const int RowsWanted = 128;

    public AttentionInputs In;
    public float* O, Lse, Scratch;
    public int TileTokens, Tiles;
    public long ScratchFloats;

    /// <summary>Enough rows to make the tile products worthwhile, without too many tokens, whose masked corner is computed in
    /// vain.</summary>
    public static int TokensPerTile(int group) => Math.Clamp(RowsWanted / group, 8, 64);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
    {
        var buffers = new Buffers(Scratch + worker * ScratchFloats, TileTokens * In.Group, In.HeadDim);
        for (int item = start; item < end; item++)
        {
            int tile = Tiles - 1 - item / In.KvHeads; // the last tokens see the most keys: long items first
            int first = tile * TileTokens;
            QueryTile<V>(first, Math.Min(TileTokens, In.Tokens - first), item % In.KvHeads, buffers);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void QueryTile<V>(int firstToken, int tokens, int kvHead, in Buffers at) where V : struct, ILanes<V>
    {
        int group = In.Group, headDim = In.HeadDim, rows = tokens * group;
        long tokenBytes = (long)group * headDim * sizeof(float);
        for (int t = 0; t < tokens; t++)
        {
            float* q = In.Q + In.QueryOffset(firstToken + t, kvHead * group);
            Buffer.MemoryCopy(q, at.Q + (nint)t * group * headDim, tokenBytes, tokenBytes);
        }

        new Span<float>(at.Max, rows).Fill(float.NegativeInfinity);
        new Span<float>(at.Sum, rows).Clear();

        int firstKey = In.FirstKey(firstToken), end = firstToken + tokens;
        for (int key = firstKey; key < end; key += KeysPerTile)
        {
            int keys = Math.Min(KeysPerTile, end - key);
            float* k = In.K + In.KvOffset(key, kvHead), v = In.V + In.KvOffset(key, kvHead);
            SmallProduct.Run(rows, keys, headDim, In.Scale, at.Q, headDim, false, k, In.KvStride, true, false, at.S, keys, at.Product);
            for (int row = 0; row < rows; row++) Softmax<V>(firstToken + row / group, row, key, keys, rescale: key > firstKey, at);
            SmallProduct.Run(rows, headDim, keys, 1, at.S, keys, false, v, In.KvStride, false, key > firstKey, at.O, headDim, at.Product);
        }

        for (int row = 0; row < rows; row++)
        {
            int token = firstToken + row / group, head = kvHead * group + row % group;
            float* o = O + In.QueryOffset(token, head);
            Traverse.Each<V, ScaleOp>(0, headDim, new() { X = at.O + (nint)row * headDim, Factor = 1 / at.Sum[row], Y = o });
            Lse[(nint)head * In.Tokens + token] = at.Max[row] + MathF.Log(at.Sum[row]);
        }
    }

    /// <summary>Turns a row of scores into exp(score − running maximum), and moves what was summed before to a new maximum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Softmax<V>(int token, int row, int firstKey, int keys, bool rescale, in Buffers at) where V : struct, ILanes<V>
    {
        float* s = at.S + (nint)row * keys;
        if (!In.Mask(token, firstKey, keys, s))
        {
            new Span<float>(s, keys).Clear();
            return;
        }

        float max = MathF.Max(at.Max[row], Traverse.Max<V>(keys, s));
        float correction = VectorMath.Exp<Lane1>(at.Max[row] - max);
        at.Sum[row] = at.Sum[row] * correction + Traverse.Sum<V, ExpTerms>(keys, new() { X = s, Max = max });
        at.Max[row] = max;
        if (!rescale || correction == 1) return;
        float* o = at.O + (nint)row * In.HeadDim;
        Traverse.Each<V, ScaleOp>(0, In.HeadDim, new() { X = o, Factor = correction, Y = o });
    }

    /// <summary>A worker's scratch.</summary>
    public readonly struct Buffers(float* scratch, int rows, int headDim)
    {
        public readonly float* Q = scratch;
        public readonly float* O = scratch + (nint)rows * headDim;
        public readonly float* S = scratch + (nint)rows * headDim * 2;
        public readonly float* Max = scratch + (nint)rows * (headDim * 2 + KeysPerTile);
        public readonly float* Sum = scratch + (nint)rows * (headDim * 2 + KeysPerTile + 1);
        public readonly float* Product = scratch + Align((nint)rows * (headDim * 2 + KeysPerTile + 2));

        public static long LengthFloats(int rows, int headDim) => Align((nint)rows * (headDim * 2 + KeysPerTile + 2)) + Align(Math.Max(
            SmallProduct.ScratchFloats(rows, KeysPerTile, headDim), SmallProduct.ScratchFloats(rows, headDim, KeysPerTile)));

        private static nint Align(nint floats) => (floats + 15) & ~15; // whole cache lines, so that workers share none
    }
}
