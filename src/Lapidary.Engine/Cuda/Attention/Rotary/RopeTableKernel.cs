using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Attention.Rotary;

/// <summary>cos and sin of the rotary angles.</summary>
internal sealed class RopeTableKernel(Launcher launcher)
{
    private readonly Kernel _ropeTable = new("rope_table.cu", "rope_table");

    /// <inheritdoc cref="IOps.RopeTable"/>
    public void Run(Tensor positions, Tensor inverseFrequencies, Tensor cos, Tensor sin) => launcher.LaunchStrided(
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
