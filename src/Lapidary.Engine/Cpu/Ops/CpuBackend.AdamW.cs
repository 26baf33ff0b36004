using System.Runtime.CompilerServices;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>The order of operations is that of torch.optim.AdamW's single-tensor form; factors that torch forms in Python are formed in
    /// fp64.</remarks>
    public void AdamW(Tensor dWeight, Tensor norm, Tensor stepScalars, AdamWOptions options, Tensor weight, Tensor m, Tensor v)
    {
        if (OnlyCounts) return;
        double learningRate = stepScalars.Pointer<float>()[0], c1 = stepScalars.Pointer<float>()[1], c2 = stepScalars.Pointer<float>()[2];
        Each(weight.Count, new AdamWOp
        {
            Gradient = dWeight.Pointer<float>(),
            Weight = weight.Pointer<float>(),
            M = m.Pointer<float>(),
            V2 = v.Pointer<float>(),
            Clip = norm.Pointer<float>()[1],
            Decay = (float)(1 - learningRate * options.WeightDecay),
            OneMinusBeta1 = (float)(1 - options.Beta1),
            Beta2 = (float)options.Beta2,
            OneMinusBeta2 = (float)(1 - options.Beta2),
            RootC2 = (float)Math.Sqrt(c2),
            Epsilon = (float)options.Epsilon,
            StepSize = (float)(learningRate / c1),
        });
    }

    private struct AdamWOp : IElementwise
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
}
