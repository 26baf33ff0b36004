using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Products;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Pass 2. Items are the tiles of queries of each head.</summary>
internal unsafe struct QueryGradientKernel : IKernel
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
