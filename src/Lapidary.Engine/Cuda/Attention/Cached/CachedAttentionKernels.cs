using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Attention.Cached;

/// <summary>Attention of tokens of several texts over the cache, by chunks of positions.</summary>
internal sealed class CachedAttentionKernels(CudaRuntime runtime)
{
    /// <summary>Most bytes of partial results at a time, if one row needs less.</summary>
    private const long MaxPartialBytes = 32L << 20;

    private readonly Kernel _of128 = new("cached_attention.cu", "cached_attention_128");
    private readonly Kernel _of256 = new("cached_attention.cu", "cached_attention_256");
    private readonly Kernel _ofAny = new("cached_attention.cu", "cached_attention_any");

    /// <inheritdoc cref="IOps.CachedAttention"/>
    public void Run(Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o)
    {
        HeadDims.Check(nameof(IOps.CachedAttention), shape.HeadDim, q);
        var (kernel, paddedDim) = Choose(shape.HeadDim);
        int rows = checked((int)slots.Count), dim = shape.Heads * shape.HeadDim;
        var blocks = new CachedAttentionGrid(runtime, shape, checked((int)keys.Shape[1]), paddedDim);
        int rowsAtOnce = Math.Min(rows, MaxGrid);
        if (blocks.BlocksOfARow(rowsAtOnce) > 1) rowsAtOnce = (int)Math.Clamp(MaxPartialBytes / blocks.PartialBytes, 1, rowsAtOnce);
        var grid = new Dim3(blocks.HeadParts, blocks.BlocksOfARow(rowsAtOnce), rowsAtOnce);
        var args = blocks.Args(q, slots, positions, keys, values, o, rowsAtOnce);
        for (int first = 0; first < rows; first += rowsAtOnce)
        {
            int count = Math.Min(rowsAtOnce, rows - first);
            runtime.Launcher.Launch(kernel, grid with { Z = count }, CachedAttentionGrid.Threads, blocks.SharedBytes, args);
            nint bytes = (nint)runtime.ActivationBytes((long)count * dim);
            args.Q += bytes;
            args.O += bytes;
            args.Slots += count * sizeof(int);
            args.Positions += count * sizeof(int);
        }
    }

    /// <summary>The kernel of a head dimension, and what its partial results have instead.</summary>
    private (Kernel Kernel, int PaddedDim) Choose(int headDim) =>
        headDim % 8 != 0 ? (_ofAny, 256) : headDim <= 128 ? (_of128, 128) : (_of256, 256);
}
