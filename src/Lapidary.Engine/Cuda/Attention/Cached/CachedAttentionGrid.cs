using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Attention.Cached;

/// <summary>Blocks of attention over a cache and what they need, for one shape. Only the device knows slots and positions, so one captured
/// graph serves all tokens: the grid is that of full texts, and blocks beyond a text's end do nothing.</summary>
/// <param name="runtime">The device.</param>
/// <param name="shape">Heads, headDim and window.</param>
/// <param name="capacity">Entries of a text in the cache.</param>
/// <param name="paddedDim">The number in the kernel's name.</param>
internal readonly struct CachedAttentionGrid(CudaRuntime runtime, AttentionShape shape, int capacity, int paddedDim)
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    // As cached_tile.cuh has them, and the kernels' launch bounds.
    private const int ChunkLength = 64, Queries = 16, BlocksPerMultiprocessor = 2;

    /// <summary>Blocks that fill the device. With so many, a row's chunks need no blocks of their own.</summary>
    private readonly int _enoughBlocks = runtime.Device.Multiprocessors * BlocksPerMultiprocessor;

    /// <summary>The most chunks that a row sees. What a block sees may begin and end within a chunk, and its rows see one position more
    /// each.</summary>
    private readonly int _chunks = Tiles(Math.Min(capacity, shape.Window) + Queries - 1, ChunkLength) + 1;

    /// <summary>Blocks of a row that share no chunks: groups of more than 16 query heads are several blocks'.</summary>
    public int HeadParts { get; } = shape.KvHeads * Tiles(shape.Heads / shape.KvHeads, Queries);

    /// <summary>Dynamic shared memory of a block in bytes: a chunk's values.</summary>
    public int SharedBytes { get; } = ChunkLength * paddedDim * sizeof(short);

    /// <summary>Bytes of a row's partial results, if several blocks share its chunks.</summary>
    public long PartialBytes => SumBytes + ((long)shape.Heads * _chunks * 2 * sizeof(float));

    private long SumBytes => (long)shape.Heads * _chunks * paddedDim * sizeof(float);

    /// <summary>Blocks that share a row's chunks in a launch for some rows.</summary>
    public int BlocksOfARow(int rows) => Math.Min(Math.Clamp(_enoughBlocks / (rows * HeadParts), 1, _chunks), MaxGrid);

    /// <summary>Arguments of a launch for the first <paramref name="rows"/>, with scratch where several blocks share a row.</summary>
    public CachedAttentionArgs Args(
        Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, Tensor o, int rows)
    {
        nint sums = 0, arrivals = 0;
        if (BlocksOfARow(rows) > 1)
        {
            sums = runtime.Scratch.Get("cached attention", rows * PartialBytes);
            arrivals = runtime.Scratch.Get("cached attention arrivals", _enoughBlocks * sizeof(int));
        }

        return new CachedAttentionArgs
        {
            Q = q.Address,
            Slots = slots.Address,
            Positions = positions.Address,
            Keys = keys.Address,
            Values = values.Address,
            Tops = sums + (nint)(rows * SumBytes),
            Sums = sums,
            Arrivals = arrivals,
            O = o.Address,
            Heads = shape.Heads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Capacity = capacity,
            Window = shape.Window,
            Chunks = _chunks,
            Scale = shape.Scale * MathF.Log2(MathF.E),
        };
    }
}
