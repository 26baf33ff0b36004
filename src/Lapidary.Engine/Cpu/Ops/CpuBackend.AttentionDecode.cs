using Lapidary.Engine.Cpu.Attention;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>The visible positions are cut into chunks whose partial softmaxes are joined in order, so the threads share even a single
    /// kv head.</remarks>
    public void AttentionDecode(Tensor q, Tensor keys, Tensor values, Tensor position, AttentionShape shape, Tensor o)
    {
        int last = *position.Pointer<int>(), capacity = checked((int)keys.Shape[0]);
        int visible = Math.Min(Math.Min(last + 1, shape.Window), capacity);
        int chunks = (visible + DecodeKernel.ChunkLength - 1) / DecodeKernel.ChunkLength;
        var kernel = new DecodeKernel
        {
            Q = q.Pointer<float>(),
            Keys = keys.Pointer<float>(),
            Values = values.Pointer<float>(),
            FirstPosition = last + 1 - visible,
            EndPosition = last + 1,
            Capacity = capacity,
            Group = shape.Heads / shape.KvHeads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Chunks = chunks,
            Scale = shape.Scale,
        };
        kernel.Partials = (float*)_scratch.Get("attention decode", (long)shape.Heads * chunks * kernel.PartialFloats * sizeof(float));
        _team.Run((long)chunks * shape.KvHeads, grain: 1, kernel);
        _team.Run(shape.Heads, grain: 16, new DecodeJoinKernel { Of = kernel, O = o.Pointer<float>() });
    }
}
