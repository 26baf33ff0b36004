using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Products;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Pass 1. Items are the tiles of keys of each kv head.</summary>
internal unsafe struct KeyGradientKernel : IKernel
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

/// <summary>P = exp(s − lse) over the scores s, and dS = scale · P · (dP − D) over dP.</summary>
internal unsafe struct ScoreGradientOp : IElementwise
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
