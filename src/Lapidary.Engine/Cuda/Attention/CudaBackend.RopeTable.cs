using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _ropeTable = new("rope_table.cu", "rope_table");

    /// <inheritdoc/>
    public void RopeTable(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin) => LaunchStrided(
        _ropeTable,
        cos.Count,
        width: 1,
        new RopeTableArgs
        {
            Positions = positions.Address,
            InverseFrequencies = inverseFrequencies.Address,
            Cos = cos.Address,
            Sin = sin.Address,
            Count = cos.Count,
            Half = checked((int)inverseFrequencies.Count),
        });

    private struct RopeTableArgs
    {
        public nint Positions, InverseFrequencies, Cos, Sin;
        public long Count;
        public int Half;
    }
}
