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
        _team.For(checked((int)positions.Count), RowGrain(half), ref range);
    }

    /// <summary>Scalar: angles reach 10⁵ radians, which need an accurate range reduction, and the table is formed once per step.</summary>
    private struct RopeTableRange : IRange
    {
        public int* Positions;
        public float* InverseFrequencies, Cos, Sin;
        public int Half;

        public readonly void Run(int start, int end, int worker)
        {
            for (nint token = start; token < end; token++)
            {
                float position = Positions[token];
                for (int j = 0; j < Half; j++)
                    (Sin[token * Half + j], Cos[token * Half + j]) = MathF.SinCos(position * InverseFrequencies[j]);
            }
        }
    }
}
