namespace Lapidary.Engine.Cuda;

public sealed unsafe partial class CudaBackend
{
    /// <summary>Queries of a tile of the queries' pass.</summary>
    private const int AttentionTile = 64;

    private const int AttentionBackwardQueries = 32;

    private readonly Kernel _attentionBackwardDelta = new("attention_backward.cu", "attention_backward_delta");
    private readonly Kernel _attentionBackwardJoin = new("attention_backward.cu", "attention_backward_join");
    private readonly Kernel _attentionBackwardQueries32 = new("attention_backward.cu", "attention_backward_queries_32");
    private readonly Kernel _attentionBackwardQueries64 = new("attention_backward.cu", "attention_backward_queries_64");
    private readonly Kernel _attentionBackwardQueries128 = new("attention_backward.cu", "attention_backward_queries_128");
    private readonly Kernel _attentionBackwardQueries256 = new("attention_backward.cu", "attention_backward_queries_256");
    private readonly Kernel _attentionBackwardKeys32 = new("attention_backward.cu", "attention_backward_keys_32");
    private readonly Kernel _attentionBackwardKeys64 = new("attention_backward.cu", "attention_backward_keys_64");
    private readonly Kernel _attentionBackwardKeys128 = new("attention_backward.cu", "attention_backward_keys_128");
    private readonly Kernel _attentionBackwardKeys256 = new("attention_backward.cu", "attention_backward_keys_256");
    private readonly Kernel _attentionBackwardKeys256Small = new("attention_backward.cu", "attention_backward_keys_256_small");

    /// <inheritdoc/>
    public void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv)
    {
        int tokens = checked((int)documentStarts.Count), headDim = PaddedHeadDim(nameof(AttentionBackward), shape, q);
        int splits = Splits(shape, tokens);
        var args = new AttentionBackwardArgs
        {
            DO = dO.Address,
            Q = q.Address,
            K = k.Address,
            V = v.Address,
            O = o.Address,
            Lse = lse.Address,
            Visibility = new Visibility { DocumentStarts = documentStarts.Address, Tokens = tokens, Window = shape.Window },
            Dq = dq.Address,
            Dk = dk.Address,
            Dv = dv.Address,
            Delta = _scratch.Get("attention delta", lse.Count * sizeof(float)),
            Partials = splits == 1 ? 0 : _scratch.Get("attention partials", 2L * splits * k.Count * sizeof(float)),
            Heads = shape.Heads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Splits = splits,
            Scale = shape.Scale,
        };
        LaunchEach(_attentionBackwardDelta, lse.Count * 32, 256, in args);

        var (queriesKernel, keysKernel, keysOfQueries) = headDim switch
        {
            32 => (_attentionBackwardQueries32, _attentionBackwardKeys32, 64),
            64 => (_attentionBackwardQueries64, _attentionBackwardKeys64, 64),
            128 => (_attentionBackwardQueries128, _attentionBackwardKeys128, 64),
            _ => (_attentionBackwardQueries256, _attentionBackwardKeys256, 32),
        };
        int queriesBytes = 2 * (AttentionTile + keysOfQueries) * headDim * sizeof(ushort);
        Launch(queriesKernel, new Dim3(shape.Heads, Tiles(tokens, AttentionTile)), 128, queriesBytes, in args);

        int keys = 64, keysBytes = KeysBytes(headDim, keys, stages: 2);
        if (!FitsAttention(keysBytes)) (keysKernel, keys, keysBytes) = (_attentionBackwardKeys256Small, 32, KeysBytes(headDim, 32, stages: 1));
        Launch(keysKernel, new Dim3(shape.KvHeads * splits, Tiles(tokens, keys)), keys * 4, keysBytes, in args);
        if (splits > 1) LaunchStrided(_attentionBackwardJoin, 2 * k.Count, width: 1, in args);
    }

    /// <summary>Parts of a group of query heads that are summed apart: all heads, where tiles of keys alone would leave multiprocessors idle.</summary>
    private int Splits(AttentionShape shape, int tokens) =>
        shape.KvHeads * Tiles(tokens, AttentionTile) < Device.Multiprocessors ? shape.Heads / shape.KvHeads : 1;

    /// <summary>Shared memory of attention_backward_keys, in the order of its head.</summary>
    private static int KeysBytes(int headDim, int keys, int stages) =>
        2 * (keys + stages * AttentionBackwardQueries) * headDim * sizeof(ushort)
        + 2 * keys * (AttentionBackwardQueries + 8) * sizeof(ushort)
        + 3 * stages * AttentionBackwardQueries * sizeof(float);

    private struct AttentionBackwardArgs
    {
        public nint DO, Q, K, V, O, Lse;
        public Visibility Visibility;
        public nint Dq, Dk, Dv, Delta, Partials;
        public int Heads, KvHeads, HeadDim, Splits;
        public float Scale;
    }
}
