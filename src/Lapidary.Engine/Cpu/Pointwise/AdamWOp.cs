using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine.Cpu.Pointwise;

/// <summary>One AdamW update: weight, m and v in place.</summary>
internal unsafe struct AdamWOp : IElementwise
{
    public float* Gradient, Weight, M, V2;
    public float Clip, Decay, OneMinusBeta1, Beta2, OneMinusBeta2, RootC2, Epsilon, StepSize;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void At<V>(nint i) where V : struct, ILanes<V>
    {
        V g = V.Load(Gradient + i) * V.Broadcast(Clip);
        V m = V.Load(M + i);
        m += (g - m) * V.Broadcast(OneMinusBeta1);
        V v = V.Load(V2 + i) * V.Broadcast(Beta2) + g * g * V.Broadcast(OneMinusBeta2);
        V denominator = V.Sqrt(v) / V.Broadcast(RootC2) + V.Broadcast(Epsilon);
        V weight = V.Load(Weight + i) * V.Broadcast(Decay) - V.Broadcast(StepSize) * m / denominator;
        m.Store(M + i);
        v.Store(V2 + i);
        weight.Store(Weight + i);
    }
}
