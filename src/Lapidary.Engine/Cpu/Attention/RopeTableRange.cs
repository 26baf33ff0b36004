using Lapidary.Engine.Cpu.Threads;

namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Scalar: angles reach 10⁵ radians, which need an accurate range reduction, and the table is formed once per step.</summary>
internal unsafe struct RopeTableRange : IRange
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
