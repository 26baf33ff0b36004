using Lapidary.Engine.Cpu.Attention;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Most bytes of partial results at a time, if a tile of tokens needs less.</summary>
    private const long MaxPartialBytes = 8 << 20;

    /// <inheritdoc/>
    /// <remarks>The positions are cut into chunks, counted from position 0, whose partial softmaxes are joined in order: so the threads
    /// share even the single kv head of a single token, and a row is computed alone whatever rows its tile has.</remarks>
    public void CachedAttention(Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o)
    {
        int tokens = checked((int)slots.Count), dim = shape.Heads * shape.HeadDim;
        var cache = new KvSlots(keys);
        var kernel = new CachedAttentionKernel
        {
            Keys = keys.Pointer<float>(),
            Values = values.Pointer<float>(),
            Cache = cache,
            Window = Math.Min(cache.Capacity, shape.Window),
            Group = shape.Heads / shape.KvHeads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Scale = shape.Scale,
        };
        int tile = kernel.TileTokens = CachedAttentionKernel.TileFor(tokens);
        long tokenBytes = (long)shape.Heads * kernel.MaxChunks * kernel.PartialFloats * sizeof(float);
        int tokensAtOnce = (int)Math.Min(tokens, Math.Max(1, MaxPartialBytes / tokenBytes / tile) * tile);
        kernel.Partials = (float*)_scratch.Get("cached attention", tokenBytes * tokensAtOnce);
        kernel.Scratch = (float*)_scratch.Get("cached attention scores", (long)kernel.ScratchFloats * _team.Count * sizeof(float));
        for (int first = 0; first < tokens; first += tokensAtOnce)
        {
            kernel.Tokens = Math.Min(tokensAtOnce, tokens - first);
            kernel.Q = q.Pointer<float>() + (nint)first * dim;
            kernel.Slots = slots.Pointer<int>() + first;
            kernel.Positions = positions.Pointer<int>() + first;
            _team.Run((long)(kernel.Tokens + tile - 1) / tile * kernel.MaxChunks * shape.KvHeads, grain: 1, kernel);
            var join = new CachedAttentionJoinKernel { Of = kernel, O = o.Pointer<float>() + (nint)first * dim };
            _team.Run((long)kernel.Tokens * shape.Heads, grain: 16, join);
        }
    }
}
