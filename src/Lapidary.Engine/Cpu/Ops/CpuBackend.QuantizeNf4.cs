namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public Tensor QuantizeNf4(Tensor host, Nf4Options options, MemoryRegion region) => OnlyCounts
        ? Nf4Quantizer.Allocate(host, options, region)
        : Nf4Quantizer.Quantize(host, options with { Threads = options.Threads > 0 ? options.Threads : _team.Count }, region);
}
