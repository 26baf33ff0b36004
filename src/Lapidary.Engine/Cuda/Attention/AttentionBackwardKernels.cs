using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Attention;

/// <summary>The gradients of attention: of queries by tiles of queries, of keys and values by tiles of keys.</summary>
internal sealed class AttentionBackwardKernels(CudaRuntime runtime)
{
    private readonly Launcher _launcher = runtime.Launcher;
    private readonly AttentionTiling _tiling = new(runtime);
    private readonly Kernel _join = new("attention_backward_keys.cu", "attention_backward_join");
    private readonly Kernel _queries32 = new("attention_backward_queries.cu", "attention_backward_queries_32");
    private readonly Kernel _queries64 = new("attention_backward_queries.cu", "attention_backward_queries_64");
    private readonly Kernel _queries128 = new("attention_backward_queries.cu", "attention_backward_queries_128");
    private readonly Kernel _queries256 = new("attention_backward_queries.cu", "attention_backward_queries_256");
    private readonly Kernel _queries256Small = new("attention_backward_queries.cu", "attention_backward_queries_256_small");
    private readonly Kernel _keys32 = new("attention_backward_keys.cu", "attention_backward_keys_32");
    private readonly Kernel _keys64 = new("attention_backward_keys.cu", "attention_backward_keys_64");
    private readonly Kernel _keys128 = new("attention_backward_keys.cu", "attention_backward_keys_128");
    private readonly Kernel _keys256 = new("attention_backward_keys.cu", "attention_backward_keys_256");
    private readonly Kernel _keys256Small = new("attention_backward_keys.cu", "attention_backward_keys_256_small");

    private readonly Kernel _queries128Lean = new("attention_lean.cu", "attention_backward_queries_128_lean");
    private readonly Kernel _queries256Lean = new("attention_lean.cu", "attention_backward_queries_256_lean");
    private readonly Kernel _keys128Lean = new("attention_lean.cu", "attention_backward_keys_128_lean");
    private readonly Kernel _keys256Lean = new("attention_lean.cu", "attention_backward_keys_256_lean");

    /// <inheritdoc cref="IOps.AttentionBackward"/>
    public void Run(
        Tensor dO, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse, Tensor documentStarts, AttentionShape shape,
        Tensor dq, Tensor dk, Tensor dv)
    {
        int tokens = checked((int)documentStarts.Count), headDim = HeadDims.Padded(nameof(IOps.AttentionBackward), shape, q);
        var (queriesKernel, warps, keysOfQueries, stagesOfQueries) = headDim switch
        {
            32 => (_queries32, 4, 64, 2),
            64 => (_queries64, 4, 64, 2),
            128 => _tiling.Fits(QueriesBytes(headDim, 4, 64, 2)) ? (_queries128, 4, 64, 2) : (_queries128Lean, 4, 16, 2),
            _ when _tiling.Fits(QueriesBytes(headDim, 8, 32, 2)) && _tiling.FillsDevice(shape, tokens, 8) => (_queries256, 8, 32, 2),
            _ => _tiling.Fits(QueriesBytes(headDim, 4, 16, 2)) ? (_queries256Small, 4, 16, 2) : (_queries256Lean, 2, 16, 1),
        };
        var (keysKernel, keys, queries, stages) = headDim switch
        {
            32 => (_keys32, 64, 32, 2),
            64 => (_keys64, 64, 32, 2),
            128 => _tiling.Fits(KeysBytes(headDim, 64, 32, 2)) ? (_keys128, 64, 32, 2) : (_keys128Lean, 64, 32, 1),
            _ when _tiling.Fits(KeysBytes(headDim, 64, 64, 2)) => (_keys256, 64, 64, 2),
            _ => _tiling.Fits(KeysBytes(headDim, 32, 32, 1)) ? (_keys256Small, 32, 32, 1) : (_keys256Lean, 32, 16, 1),
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
            Delta = runtime.Scratch.Get("attention delta", lse.Count * sizeof(float)),
            LastQueries = runtime.Scratch.Get("attention last queries", (long)keyTiles * sizeof(int)),
            Partials = splits == 1 ? 0 : runtime.Scratch.Get("attention partials", 2L * splits * k.Count * sizeof(float)),
            Heads = shape.Heads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Splits = splits,
            Keys = keys,
            Scale = shape.Scale,
        };
        var queryGrid = AttentionTiling.QueryRowGrid(shape, tokens, warps);
        var keyGrid = new Dim3(shape.KvHeads * splits, keyTiles);
        _launcher.Launch(queriesKernel, queryGrid, warps * WarpSize, QueriesBytes(headDim, warps, keysOfQueries, stagesOfQueries), in args);
        _launcher.Launch(keysKernel, keyGrid, 256, KeysBytes(headDim, keys, queries, stages), in args);
        if (splits > 1) _launcher.LaunchStrided(_join, 2 * k.Count, width: 1, in args);
    }

    /// <summary>Parts of a group of query heads that are summed apart: all heads, where tiles of keys alone would leave multiprocessors
    /// idle.</summary>
    private int Splits(AttentionShape shape, int keyTiles) =>
        shape.KvHeads * keyTiles < runtime.Device.Multiprocessors ? shape.Heads / shape.KvHeads : 1;

    /// <summary>Shared memory of attention_backward_queries, as its head says.</summary>
    private static int QueriesBytes(int headDim, int warps, int keys, int stages) =>
        2 * (16 * warps + stages * keys) * headDim * sizeof(ushort);

    /// <summary>Shared memory of attention_backward_keys, in the order of its head.</summary>
    private static int KeysBytes(int headDim, int keys, int queries, int stages) =>
        2 * (keys + stages * queries) * headDim * sizeof(ushort)
        + 2 * keys * (queries + 8) * sizeof(ushort)
        + 3 * stages * queries * sizeof(float);

    private struct AttentionBackwardArgs
    {
        public nint DO, Q, K, V, O, Lse;
        public Visibility Visibility;
        public nint Dq, Dk, Dv, Delta, LastQueries, Partials;
        public int Heads, KvHeads, HeadDim, Splits, Keys;
        public float Scale;
    }
}
