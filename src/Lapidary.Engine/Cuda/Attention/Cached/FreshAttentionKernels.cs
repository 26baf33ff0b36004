using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Attention.Cached;

/// <summary>Attention of tokens whose keys and values the same kernel stores.</summary>
internal sealed class FreshAttentionKernels(CudaRuntime runtime, ArrangedRows arranged)
{
    /// <summary>Most query heads of a key head: a warp each, and one each for key and value.</summary>
    private const int MostQueries = 6;

    /// <summary>Most bytes of partial results. All rows are one launch's, as a row may see another's key.</summary>
    private const long MaxPartialBytes = 64L << 20;

    private readonly Kernel _of128 = new("cached_attention_fresh.cu", "fresh_attention_128");
    private readonly Kernel _of256 = new("cached_attention_fresh.cu", "fresh_attention_256");
    private readonly Kernel _copiedOf128 = new("cached_attention_fresh.cu", "fresh_attention_copied_128");
    private readonly Kernel _copiedOf256 = new("cached_attention_fresh.cu", "fresh_attention_copied_256");

    /// <summary><see cref="IOps.QkvAttention"/>, if a kernel is made for the shape; returns whether it was queued.</summary>
    public bool Run(
        Tensor q, Tensor k, Tensor v, QkNorms norms, RotaryTable rope, Tensor slots, Tensor positions, Tensor keys, Tensor values,
        AttentionShape shape, Tensor o, Tensor? next)
    {
        var (kernel, copied) = shape.HeadDim switch
        {
            128 => (_of128, _copiedOf128),
            256 => (_of256, _copiedOf256),
            _ => (null, null),
        };
        int rows = checked((int)slots.Count);
        if (kernel is null || copied is null || shape.Heads / shape.KvHeads > MostQueries || rows > MaxGrid) return false;
        var blocks = new CachedAttentionGrid(runtime, shape, checked((int)keys.Shape[1]), shape.HeadDim);
        if (blocks.BlocksOfARow(rows) > 1 && rows * blocks.PartialBytes > MaxPartialBytes) return false;
        var grid = new Dim3(blocks.HeadParts, blocks.BlocksOfARow(rows), rows);
        var attention = blocks.Args(q, slots, positions, keys, values, o, rows);
        attention.Copy = arranged.Place(RowMaker.Attention, o, next);
        if (attention.Copy.Words != 0) kernel = copied;
        runtime.Launcher.Launch(kernel, grid, CachedAttentionGrid.Threads, blocks.SharedBytes, new FreshAttentionArgs
        {
            Attention = attention,
            K = k.Address,
            V = v.Address,
            QWeight = norms.Q.Address,
            KWeight = norms.K.Address,
            Cos = rope.Cos.Address,
            Sin = rope.Sin.Address,
            QWeightType = (int)norms.Q.DType,
            KWeightType = (int)norms.K.DType,
            Epsilon = norms.Epsilon,
        });
        arranged.Add(o, attention.Copy);
        return true;
    }

    private struct FreshAttentionArgs
    {
        public CachedAttentionArgs Attention;
        public nint K, V, QWeight, KWeight, Cos, Sin;
        public int QWeightType, KWeightType;
        public float Epsilon;
    }
}
