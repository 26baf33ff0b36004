using Lapidary.Engine.Cpu.Attention;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void KvAppend(Tensor k, Tensor v, Tensor position, Tensor keys, Tensor values)
    {
        KvRing.Append(k, *position.Pointer<int>(), keys);
        KvRing.Append(v, *position.Pointer<int>(), values);
    }
}
