using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Attention;

/// <summary>Keys and values into the cache.</summary>
internal sealed class KvAppendKernels(Launcher launcher)
{
    private readonly Kernel _append1 = new("kv_append.cu", "kv_append_1");
    private readonly Kernel _append8 = new("kv_append.cu", "kv_append_8");

    /// <inheritdoc cref="IOps.KvAppend"/>
    public void Run(Tensor k, Tensor v, Tensor slots, Tensor positions, Tensor keys, Tensor values)
    {
        int dim = checked((int)(k.Count / slots.Count));
        bool wide = dim % 8 == 0;
        var args = new KvAppendArgs
        {
            K = k.Address,
            V = v.Address,
            Slots = slots.Address,
            Positions = positions.Address,
            Keys = keys.Address,
            Values = values.Address,
            Tokens = slots.Count,
            Capacity = checked((int)keys.Shape[1]),
            Dim = dim,
        };
        launcher.LaunchStrided(wide ? _append8 : _append1, k.Count, wide ? 8 : 1, args, gridY: 2);
    }

    private struct KvAppendArgs
    {
        public nint K, V, Slots, Positions, Keys, Values;
        public long Tokens;
        public int Capacity, Dim;
    }
}
