using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _attentionBackwardJoin = new("attention_backward_keys.cu", "attention_backward_join");
    private readonly Kernel _attentionBackwardQueries32 = new("attention_backward_queries.cu", "attention_backward_queries_32");
    private readonly Kernel _attentionBackwardQueries64 = new("attention_backward_queries.cu", "attention_backward_queries_64");
    private readonly Kernel _attentionBackwardQueries128 = new("attention_backward_queries.cu", "attention_backward_queries_128");
    private readonly Kernel _attentionBackwardQueries256 = new("attention_backward_queries.cu", "attention_backward_queries_256");
    private readonly Kernel _attentionBackwardQueries256Small = new("attention_backward_queries.cu", "attention_backward_queries_256_small");
    private readonly Kernel _attentionBackwardKeys32 = new("attention_backward_keys.cu", "attention_backward_keys_32");
    private readonly Kernel _attentionBackwardKeys64 = new("attention_backward_keys.cu", "attention_backward_keys_64");
    private readonly Kernel _attentionBackwardKeys128 = new("attention_backward_keys.cu", "attention_backward_keys_128");
    private readonly Kernel _attentionBackwardKeys256 = new("attention_backward_keys.cu", "attention_backward_keys_256");
    private readonly Kernel _attentionBackwardKeys256Small = new("attention_backward_keys.cu", "attention_backward_keys_256_small");

    /// <inheritdoc/>
    public void AttentionBackward(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv)
    {
        int tokens = checked((int)documentStarts.Count), headDim = PaddedHeadDim(nameof(AttentionBackward), shape, q);
        var (queriesKernel, warps, keysOfQueries) = headDim switch
        {
            32 => (_attentionBackwardQueries32, 4, 64),
            64 => (_attentionBackwardQueries64, 4, 64),
            128 => (_attentionBackwardQueries128, 4, 64),
            _ when FitsAttention(QueriesBytes(headDim, 8, 32)) && FillsDevice(shape, tokens, 8) => (_attentionBackwardQueries256, 8, 32),
            _ => (_attentionBackwardQueries256Small, 4, 16),
        };
        var (keysKernel, keys, queries, stages) = headDim switch
        {
            32 => (_attentionBackwardKeys32, 64, 32, 2),
            64 => (_attentionBackwardKeys64, 64, 32, 2),
            128 => (_attentionBackwardKeys128, 64, 32, 2),
            _ when FitsAttention(KeysBytes(headDim, 64, 64, 2)) => (_attentionBackwardKeys256, 64, 64, 2),
            _ => (_attentionBackwardKeys256Small, 32, 32, 1),
        };

        int keyTiles = Tiles(tokens, keys), splits = Splits(shape, keyTiles);
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
            LastQueries = _scratch.Get("attention last queries", (long)keyTiles * sizeof(int)),
            Partials = splits == 1 ? 0 : _scratch.Get("attention partials", 2L * splits * k.Count * sizeof(float)),
            Heads = shape.Heads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Splits = splits,
            Keys = keys,
            Scale = shape.Scale,
        };
        Launch(queriesKernel, QueryRowGrid(shape, tokens, warps), warps * 32, QueriesBytes(headDim, warps, keysOfQueries), in args);
        Launch(keysKernel, new Dim3(shape.KvHeads * splits, keyTiles), 256, KeysBytes(headDim, keys, queries, stages), in args);
        if (splits > 1) LaunchStrided(_attentionBackwardJoin, 2 * k.Count, width: 1, in args);
    }

    /// <summary>Parts of a group of query heads that are summed apart: all heads, where tiles of keys alone would leave multiprocessors
    /// idle.</summary>
    private int Splits(AttentionShape shape, int keyTiles) =>
        shape.KvHeads * keyTiles < Device.Multiprocessors ? shape.Heads / shape.KvHeads : 1;

    /// <summary>Shared memory of attention_backward_queries, as its head says.</summary>
    private static int QueriesBytes(int headDim, int warps, int keys) => 2 * (16 * warps + 2 * keys) * headDim * sizeof(ushort);

    /// <summary>Shared memory of attention_backward_keys, in the order of its head.</summary>
    private static int KeysBytes(int headDim, int keys, int queries, int stages) =>
        2 * (keys + stages * queries) * headDim * sizeof(ushort) + 2 * keys * (queries + 8) * sizeof(ushort) + 3 * stages * queries * sizeof(float);

    private struct AttentionBackwardArgs
    {
        public nint DO, Q, K, V, O, Lse;
        public Visibility Visibility;
        public nint Dq, Dk, Dv, Delta, LastQueries, Partials;
        public int Heads, KvHeads, HeadDim, Splits, Keys;
        public float Scale;
    }
}
