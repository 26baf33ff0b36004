using Lapidary.Engine.Cpu.Attention;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void KvAppend(Tensor k, Tensor v, Tensor slots, Tensor positions, Tensor keys, Tensor values)
    {
        if (OnlyCounts) return;
        int tokens = checked((int)slots.Count);
        long rowBytes = k.LengthBytes / tokens;
        var cache = new KvSlots(keys);
        for (int token = 0; token < tokens; token++)
        {
            int slot = slots.Pointer<int>()[token];
            if (slot < 0) continue;
            long to = cache.Entry(slot, positions.Pointer<int>()[token]) * rowBytes, from = token * rowBytes;
            Buffer.MemoryCopy((byte*)k.Address + from, (byte*)keys.Address + to, rowBytes, rowBytes);
            Buffer.MemoryCopy((byte*)v.Address + from, (byte*)values.Address + to, rowBytes, rowBytes);
        }
    }
}
