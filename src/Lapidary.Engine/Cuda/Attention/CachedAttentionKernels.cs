using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Attention;

/// <summary>Attention of tokens of several texts over the cache, by chunks of positions.</summary>
internal sealed class CachedAttentionKernels(CudaRuntime runtime)
{
    // As cached_attention.cu has them.
    private const int ChunkLength = 64, Threads = 256, Queries = 16;

    /// <summary>Most bytes of partial results at a time, if one row needs less.</summary>
    private const long MaxPartialBytes = 32L << 20;

    /// <summary>Blocks that fill the device. With so many, a row's chunks need no blocks of their own.</summary>
    private readonly int _enoughBlocks = runtime.Device.Multiprocessors * BlocksPerMultiprocessor;

    /// <summary>Blocks that a multiprocessor runs at once, as the kernels' launch bounds say.</summary>
    private const int BlocksPerMultiprocessor = 2;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _of128 = new("cached_attention.cu", "cached_attention_128");
    private readonly Kernel _of256 = new("cached_attention.cu", "cached_attention_256");
    private readonly Kernel _ofAny = new("cached_attention.cu", "cached_attention_any");

    /// <inheritdoc cref="IOps.CachedAttention"/>
    /// <remarks>Only the device knows slots and positions, so one captured graph serves all tokens. The grid is that of full texts; blocks
    /// beyond a text's end do nothing.</remarks>
    public void Run(Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o)
    {
        HeadDims.Check(nameof(IOps.CachedAttention), shape.HeadDim, q);
        var (kernel, paddedDim) = Choose(shape.HeadDim);
        int rows = checked((int)slots.Count), capacity = checked((int)keys.Shape[1]);
        int headParts = shape.KvHeads * Tiles(shape.Heads / shape.KvHeads, Queries);

        // What a block sees may begin and end within a chunk, and its rows see one position more each.
        int chunks = Tiles(Math.Min(capacity, shape.Window) + Queries - 1, ChunkLength) + 1;
        long topBytes = (long)shape.Heads * chunks * 2 * sizeof(float), sumBytes = (long)shape.Heads * chunks * paddedDim * sizeof(float);
        int rowsAtOnce = Math.Min(rows, MaxGrid);
        if (BlocksOfARow(rowsAtOnce) > 1)
            rowsAtOnce = (int)Math.Clamp(MaxPartialBytes / (topBytes + sumBytes), 1, rowsAtOnce);
        int blocksOfARow = BlocksOfARow(rowsAtOnce);
        nint sums = 0, tops = 0, arrivals = 0;
        if (blocksOfARow > 1)
        {
            sums = runtime.Scratch.Get("cached attention", rowsAtOnce * (topBytes + sumBytes));
            tops = sums + (nint)(rowsAtOnce * sumBytes);
            arrivals = runtime.Scratch.Get("cached attention arrivals", _enoughBlocks * sizeof(int));
        }

        for (int first = 0; first < rows; first += rowsAtOnce)
        {
            int count = Math.Min(rowsAtOnce, rows - first), dim = shape.Heads * shape.HeadDim;
            nint offset = (nint)runtime.ActivationBytes((long)first * dim);
            _launcher.Launch(kernel, new Dim3(headParts, blocksOfARow, count), Threads, sharedBytes: 0, new CachedAttentionArgs
            {
                Q = q.Address + offset,
                Slots = slots.Address + first * sizeof(int),
                Positions = positions.Address + first * sizeof(int),
                Keys = keys.Address,
                Values = values.Address,
                Tops = tops,
                Sums = sums,
                Arrivals = arrivals,
                O = o.Address + offset,
                Heads = shape.Heads,
                KvHeads = shape.KvHeads,
                HeadDim = shape.HeadDim,
                Capacity = capacity,
                Window = shape.Window,
                Chunks = chunks,
                Scale = shape.Scale * MathF.Log2(MathF.E),
            });
        }

        int BlocksOfARow(int count) => Math.Min(Math.Clamp(_enoughBlocks / (count * headParts), 1, chunks), MaxGrid);
    }

    /// <summary>The kernel of a head dimension, and what its partial results have instead.</summary>
    private (Kernel Kernel, int PaddedDim) Choose(int headDim) =>
        headDim % 8 != 0 ? (_ofAny, 256) : headDim <= 128 ? (_of128, 128) : (_of256, 256);

    private struct CachedAttentionArgs
    {
        public nint Q, Slots, Positions, Keys, Values, Tops, Sums, Arrivals, O;
        public int Heads, KvHeads, HeadDim, Capacity, Window, Chunks;
        public float Scale;
    }
}
