using Lapidary.Engine.Cpu.Attention;
using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void RopeTable(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin)
    {
        int half = checked((int)inverseFrequencies.Count);
        var range = new RopeTableRange
        {
            Positions = positions.Pointer<int>(),
            InverseFrequencies = inverseFrequencies.Pointer<float>(),
            Cos = cos.Pointer<float>(),
            Sin = sin.Pointer<float>(),
            Half = half,
        };
        _team.For(checked((int)positions.Count), WorkerTeam.RowGrain(half), ref range);
    }
}
