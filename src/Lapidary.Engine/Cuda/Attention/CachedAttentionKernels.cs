using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Attention;

/// <summary>Attention of tokens of several texts over the cache, by chunks of positions.</summary>
internal sealed class CachedAttentionKernels(CudaRuntime runtime)
{
    // As cached_attention.cu has them.
    private const int ChunkLength = 64, ChunkThreads = 256, JoinThreads = 128;

    /// <summary>Most bytes of partial results at a time, if one row needs less.</summary>
    private const long MaxPartialBytes = 32L << 20;

    /// <summary>Blocks that suffice to fill a device. Those of a row share its chunks, so that long caches of many rows, most of them
    /// empty, do not need a block for each chunk.</summary>
    private const int EnoughBlocks = 1024;

    /// <summary>Largest size of a grid but for its first.</summary>
    private const int MaxGrid = 65535;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _chunks = new("cached_attention.cu", "cached_attention_chunks");
    private readonly Kernel _join = new("cached_attention.cu", "cached_attention_join");

    /// <inheritdoc cref="IOps.CachedAttention"/>
    /// <remarks>Only the device knows slots and positions, so one captured graph serves all tokens. The grid is that of full texts; blocks
    /// beyond a text's end do nothing.</remarks>
    public void Run(Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o)
    {
        HeadDims.Check(nameof(IOps.CachedAttention), shape.HeadDim, q);
        int rows = checked((int)slots.Count), capacity = checked((int)keys.Shape[1]);
        int chunks = Tiles(Math.Min(capacity, shape.Window), ChunkLength);
        long rowBytes = DType.Float32.LengthBytes((long)shape.Heads * chunks * (shape.HeadDim + 2));
        int rowsAtOnce = (int)Math.Min(Math.Clamp(MaxPartialBytes / rowBytes, 1, rows), MaxGrid);
        nint partials = runtime.Scratch.Get("cached attention", rowsAtOnce * rowBytes);
        for (int first = 0; first < rows; first += rowsAtOnce)
        {
            int count = Math.Min(rowsAtOnce, rows - first), dim = shape.Heads * shape.HeadDim;
            nint offset = (nint)DType.BFloat16.LengthBytes((long)first * dim);
            var args = new CachedAttentionArgs
            {
                Q = q.Address + offset,
                Slots = slots.Address + first * sizeof(int),
                Positions = positions.Address + first * sizeof(int),
                Keys = keys.Address,
                Values = values.Address,
                Partials = partials,
                O = o.Address + offset,
                Heads = shape.Heads,
                KvHeads = shape.KvHeads,
                HeadDim = shape.HeadDim,
                Capacity = capacity,
                Window = shape.Window,
                Chunks = chunks,
                Scale = shape.Scale,
            };
            int blocksPerRow = Math.Clamp(EnoughBlocks / (count * shape.KvHeads), 1, chunks);
            _launcher.Launch(_chunks, new Dim3(shape.KvHeads, blocksPerRow, count), ChunkThreads, sharedBytes: 0, in args);
            _launcher.Launch(_join, new Dim3(shape.Heads, count), JoinThreads, sharedBytes: 0, in args);
        }
    }

    private struct CachedAttentionArgs
    {
        public nint Q, Slots, Positions, Keys, Values, Partials, O;
        public int Heads, KvHeads, HeadDim, Capacity, Window, Chunks;
        public float Scale;
    }
}
