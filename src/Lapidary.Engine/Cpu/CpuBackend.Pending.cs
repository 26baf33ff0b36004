namespace Lapidary.Engine.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public Tensor QuantizeNf4(Tensor host, Nf4Options options, MemoryRegion region) => throw new NotSupportedException();
}
