using Lapidary.Engine.Cpu.Attention;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Most bytes of partial results at a time, if one token needs less.</summary>
    private const long MaxPartialBytes = 8 << 20;

    /// <inheritdoc/>
    /// <remarks>The visible positions are cut into chunks whose partial softmaxes are joined in order, so the threads share even the single
    /// kv head of a single token.</remarks>
    public void CachedAttention(Tensor q, Tensor slots, Tensor positions, Tensor keys, Tensor values, AttentionShape shape, Tensor o)
    {
        int tokens = checked((int)slots.Count), dim = shape.Heads * shape.HeadDim;
        var cache = new KvSlots(keys);
        int visible = Math.Min(cache.Capacity, shape.Window);
        var kernel = new CachedAttentionKernel
        {
            Keys = keys.Pointer<float>(),
            Values = values.Pointer<float>(),
            Cache = cache,
            Window = visible,
            Group = shape.Heads / shape.KvHeads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            MaxChunks = (visible + CachedAttentionKernel.ChunkLength - 1) / CachedAttentionKernel.ChunkLength,
            Scale = shape.Scale,
        };
        long tokenBytes = (long)shape.Heads * kernel.MaxChunks * kernel.PartialFloats * sizeof(float);
        int tokensAtOnce = (int)Math.Clamp(MaxPartialBytes / tokenBytes, 1, tokens);
        kernel.Partials = (float*)_scratch.Get("cached attention", tokenBytes * tokensAtOnce);
        for (int first = 0; first < tokens; first += tokensAtOnce)
        {
            int count = Math.Min(tokensAtOnce, tokens - first);
            kernel.Q = q.Pointer<float>() + (nint)first * dim;
            kernel.Slots = slots.Pointer<int>() + first;
            kernel.Positions = positions.Pointer<int>() + first;
            _team.Run((long)count * kernel.MaxChunks * shape.KvHeads, grain: 1, kernel);
            var join = new CachedAttentionJoinKernel { Of = kernel, O = o.Pointer<float>() + (nint)first * dim };
            _team.Run((long)count * shape.Heads, grain: 16, join);
        }
    }
}
