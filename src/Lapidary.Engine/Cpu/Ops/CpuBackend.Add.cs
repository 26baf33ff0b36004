using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void Add(Tensor source, Tensor target) =>
        _team.Each(target.Count, new AddOp { Source = source.Pointer<float>(), Target = target.Pointer<float>() });
}
