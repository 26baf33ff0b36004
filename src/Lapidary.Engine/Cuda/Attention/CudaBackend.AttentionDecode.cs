using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private const int DecodeChunk = 64;

    private readonly Kernel _attentionDecodeChunks = new("attention_decode.cu", "attention_decode_chunks");
    private readonly Kernel _attentionDecodeJoin = new("attention_decode.cu", "attention_decode_join");

    /// <inheritdoc/>
    /// <remarks>The position is known to the device alone, so that a captured graph serves every token: the grid is that of a full ring,
    /// and blocks past the position end at once.</remarks>
    public void AttentionDecode(Tensor q, Tensor keys, Tensor values, Tensor position, AttentionShape shape, Tensor o)
    {
        CheckHeadDim(nameof(AttentionDecode), shape.HeadDim, q);
        int capacity = checked((int)keys.Shape[0]), chunks = Tiles(Math.Min(capacity, shape.Window), DecodeChunk);
        var args = new AttentionDecodeArgs
        {
            Q = q.Address,
            Keys = keys.Address,
            Values = values.Address,
            Position = position.Address,
            Partials = _scratch.Get("attention decode", (long)shape.Heads * chunks * (shape.HeadDim + 2) * sizeof(float)),
            O = o.Address,
            Heads = shape.Heads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Capacity = capacity,
            Window = shape.Window,
            Chunks = chunks,
            Scale = shape.Scale,
        };
        Launch(_attentionDecodeChunks, new Dim3(shape.KvHeads, chunks), 256, sharedBytes: 0, in args);
        Launch(_attentionDecodeJoin, shape.Heads, 128, sharedBytes: 0, in args);
    }

    private struct AttentionDecodeArgs
    {
        public nint Q, Keys, Values, Position, Partials, O;
        public int Heads, KvHeads, HeadDim, Capacity, Window, Chunks;
        public float Scale;
    }
}
