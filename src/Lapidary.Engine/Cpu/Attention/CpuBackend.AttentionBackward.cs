using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Attention;
using Lapidary.Engine.Cpu.Products;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Most bytes of dS that are kept between the two passes of a strip.</summary>
    private const long ScoreGradientBytes = 64L << 20;

    /// <inheritdoc/>
    /// <remarks>Queries are taken in strips. Pass 1 goes over tiles of keys: it forms P and dS, adds to dk and dv of its own tile, and
    /// keeps dS. Pass 2 goes over tiles of queries: dq = dS · k. So no two threads write one row, every product is formed once (five in
    /// all), and the memory is that of one strip.</remarks>
    public void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv)
    {
        var inputs = new AttentionInputs(q, k, v, documentStarts, shape);
        int tiles = inputs.Tiles;
        long rowBytes = (long)inputs.Heads * AttentionInputs.Tile * tiles * AttentionInputs.Tile * sizeof(float);
        int stripTiles = (int)Math.Clamp(ScoreGradientBytes / rowBytes, 1, tiles);
        long productFloats = AttentionGradients.ProductFloats(inputs.HeadDim);
        var gradients = new AttentionGradients
        {
            In = inputs,
            DO = dO.Pointer<float>(),
            Lse = lse.Pointer<float>(),
            Delta = (float*)_scratch.Get("attention delta", lse.Count * sizeof(float)),
            Dq = dq.Pointer<float>(),
            Dk = dk.Pointer<float>(),
            Dv = dv.Pointer<float>(),
            DS = (float*)_scratch.Get("attention dS", stripTiles * rowBytes),
            Scratch = (float*)_scratch.Get("attention", productFloats * sizeof(float) * _team.Count),
            ScratchFloats = productFloats,
        };

        if (OnlyCounts) return;
        Parallel((long)inputs.Tokens * inputs.Heads, RowGrain(inputs.HeadDim), new DeltaKernel { Of = gradients, O = o.Pointer<float>() });
        for (int strip = 0; strip < tiles; strip += stripTiles)
        {
            gradients.TakeStrip(strip, Math.Min(tiles, strip + stripTiles));
            Parallel((long)gradients.StripKeyTiles * inputs.KvHeads, grain: 1, new KeyGradientKernel { Of = gradients });
            Parallel((long)gradients.StripTiles * inputs.Heads, grain: 1, new QueryGradientKernel { Of = gradients });
        }
    }

    /// <summary>What the passes share.</summary>
    private struct AttentionGradients
    {
        public AttentionInputs In;
        public float* DO, Lse, Delta, Dq, Dk, Dv, DS, Scratch;
        public long ScratchFloats;

        /// <summary>The strip's tiles of queries, and the first tile of keys that they see.</summary>
        public int FirstTile, EndTile, FirstKeyTile;

        /// <summary>Tiles of queries in the strip.</summary>
        public readonly int StripTiles => EndTile - FirstTile;

        /// <summary>Tiles of keys that the strip sees.</summary>
        public readonly int StripKeyTiles => EndTile - FirstKeyTile;

        /// <summary>Floats from row to row of dS.</summary>
        public readonly int ScoreStride => StripKeyTiles * AttentionInputs.Tile;

        /// <summary>Floats of scratch per worker: a tile of scores, and what the products need.</summary>
        public static long ProductFloats(int headDim) => (AttentionInputs.Tile * AttentionInputs.Tile) + ((Math.Max(
            SmallProduct.ScratchFloats(AttentionInputs.Tile, AttentionInputs.Tile, headDim),
            SmallProduct.ScratchFloats(AttentionInputs.Tile, headDim, AttentionInputs.Tile)) + 15) & ~15);

        public void TakeStrip(int first, int end) => (FirstTile, EndTile, FirstKeyTile) = (first, end, In.FirstKeyTile(first));

        /// <summary>dS of a head: rows from the first token of <paramref name="queryTile"/>, columns from the first key of
        /// <paramref name="keyTile"/>.</summary>
        public readonly float* Scores(int head, int queryTile, int keyTile) =>
            DS + ((nint)head * StripTiles + queryTile - FirstTile) * AttentionInputs.Tile * ScoreStride + (keyTile - FirstKeyTile) * AttentionInputs.Tile;
    }

    /// <summary>D = Σ dO · O per token and head.</summary>
    private struct DeltaKernel : IKernel
    {
        public AttentionGradients Of;
        public float* O;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
        {
            int headDim = Of.In.HeadDim, heads = Of.In.Heads;
            for (nint row = start; row < end; row++)
            {
                var terms = new DotTerms { X = Of.DO + row * headDim, Y = O + row * headDim };
                Of.Delta[row % heads * Of.In.Tokens + row / heads] = Traverse.Sum<V, DotTerms>(headDim, terms);
            }
        }
    }

    /// <summary>Pass 1. Items are the tiles of keys of each kv head.</summary>
    private struct KeyGradientKernel : IKernel
    {
        public AttentionGradients Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
        {
            float* p = Of.Scratch + worker * Of.ScratchFloats;
            for (int item = start; item < end; item++)
            {
                int keyTile = Of.FirstKeyTile + item / Of.In.KvHeads, kvHead = item % Of.In.KvHeads;
                for (int tile = Math.Max(keyTile, Of.FirstTile); tile < Of.EndTile && Of.In.FirstKeyTile(tile) <= keyTile; tile++)
                {
                    for (int h = 0; h < Of.In.Group; h++)
                    {
                        // A key's own tile is the first to see it.
                        AddTile<V>(tile, kvHead * Of.In.Group + h, keyTile, kvHead, add: tile > keyTile || h > 0, p);
                    }
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void AddTile<V>(int tile, int head, int keyTile, int kvHead, bool add, float* p) where V : struct, ILanes<V>
        {
            int token = tile * AttentionInputs.Tile, rows = Of.In.TileEnd(tile) - token;
            int key = keyTile * AttentionInputs.Tile, keys = Of.In.TileEnd(keyTile) - key;
            int headDim = Of.In.HeadDim, stride = Of.In.QueryStride, kvStride = Of.In.KvStride, dsStride = Of.ScoreStride;
            nint query = Of.In.QueryOffset(token, head), kv = Of.In.KvOffset(key, kvHead);
            float* ds = Of.Scores(head, tile, keyTile), product = p + AttentionInputs.Tile * AttentionInputs.Tile;
            float* q = Of.In.Q + query, dO = Of.DO + query;

            SmallProduct.Run(rows, keys, headDim, Of.In.Scale, q, stride, false, Of.In.K + kv, kvStride, true, false, p, keys, product);
            SmallProduct.Run(rows, keys, headDim, 1, dO, stride, false, Of.In.V + kv, kvStride, true, false, ds, dsStride, product);
            for (int row = 0; row < rows; row++)
            {
                float* scores = p + row * keys;
                Of.In.Mask(token + row, key, keys, scores);
                nint index = (nint)head * Of.In.Tokens + token + row;
                Traverse.Each<V, ScoreGradientOp>(0, keys, new()
                {
                    P = scores,
                    DS = ds + (nint)row * dsStride,
                    Lse = Of.Lse[index],
                    Delta = Of.Delta[index],
                    Scale = Of.In.Scale,
                });
            }

            SmallProduct.Run(keys, headDim, rows, 1, p, keys, true, dO, stride, false, add, Of.Dv + kv, kvStride, product);
            SmallProduct.Run(keys, headDim, rows, 1, ds, dsStride, true, q, stride, false, add, Of.Dk + kv, kvStride, product);
        }
    }

    /// <summary>Pass 2. Items are the tiles of queries of each head.</summary>
    private struct QueryGradientKernel : IKernel
    {
        public AttentionGradients Of;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<V>(int start, int end, int worker) where V : struct, ILanes<V>
        {
            float* product = Of.Scratch + worker * Of.ScratchFloats;
            for (int item = start; item < end; item++)
            {
                int tile = Of.EndTile - 1 - item / Of.In.Heads, head = item % Of.In.Heads; // long items first
                int token = tile * AttentionInputs.Tile, rows = Of.In.TileEnd(tile) - token, firstKeyTile = Of.In.FirstKeyTile(tile);
                float* dq = Of.Dq + Of.In.QueryOffset(token, head);
                for (int keyTile = firstKeyTile; keyTile <= tile; keyTile++)
                {
                    int key = keyTile * AttentionInputs.Tile, keys = Of.In.TileEnd(keyTile) - key;
                    float* k = Of.In.K + Of.In.KvOffset(key, head / Of.In.Group);
                    SmallProduct.Run(
                        rows, Of.In.HeadDim, keys, 1, Of.Scores(head, tile, keyTile), Of.ScoreStride, false, k, Of.In.KvStride, false,
                        keyTile > firstKeyTile, dq, Of.In.QueryStride, product);
                }
            }
        }
    }

    /// <summary>P = exp(s − lse) over the scores s, and dS = scale · P · (dP − D) over dP.</summary>
    private struct ScoreGradientOp : IElementwise
    {
        public float* P, DS;
        public float Lse, Delta, Scale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : struct, ILanes<V>
        {
            V p = VectorMath.Exp(V.Load(P + i) - V.Broadcast(Lse));
            p.Store(P + i);
            (V.Broadcast(Scale) * p * (V.Load(DS + i) - V.Broadcast(Delta))).Store(DS + i);
        }
    }

    private struct DotTerms : ITerms
    {
        public float* X, Y;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly V At<V>(nint i) where V : struct, ILanes<V> => V.Load(X + i) * V.Load(Y + i);
    }
}
