using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Attention;

/// <summary>Attention of one new token over the cache, by chunks of positions.</summary>
internal sealed class AttentionDecodeKernels(CudaRuntime runtime)
{
    private const int ChunkLength = 64;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _chunks = new("attention_decode.cu", "attention_decode_chunks");
    private readonly Kernel _join = new("attention_decode.cu", "attention_decode_join");

    /// <inheritdoc cref="IOps.CachedAttention"/>
    /// <remarks>Only the device knows the position, so one captured graph serves every token. The grid is that of a full ring; blocks past
    /// the position end at once.</remarks>
    public void Run(Tensor q, Tensor keys, Tensor values, Tensor position, AttentionShape shape, Tensor o)
    {
        HeadDims.Check(nameof(IOps.CachedAttention), shape.HeadDim, q);
        int capacity = checked((int)keys.Shape[0]), chunks = Tiles(Math.Min(capacity, shape.Window), ChunkLength);
        var args = new AttentionDecodeArgs
        {
            Q = q.Address,
            Keys = keys.Address,
            Values = values.Address,
            Position = position.Address,
            Partials = runtime.Scratch.Get("attention decode", (long)shape.Heads * chunks * (shape.HeadDim + 2) * sizeof(float)),
            O = o.Address,
            Heads = shape.Heads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Capacity = capacity,
            Window = shape.Window,
            Chunks = chunks,
            Scale = shape.Scale,
        };
        _launcher.Launch(_chunks, new Dim3(shape.KvHeads, chunks), 256, sharedBytes: 0, in args);
        _launcher.Launch(_join, shape.Heads, 128, sharedBytes: 0, in args);
    }

    private struct AttentionDecodeArgs
    {
        public nint Q, Keys, Values, Position, Partials, O;
        public int Heads, KvHeads, HeadDim, Capacity, Window, Chunks;
        public float Scale;
    }
}
