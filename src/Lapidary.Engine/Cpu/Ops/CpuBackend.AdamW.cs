using Lapidary.Engine.Cpu.Pointwise;
using Lapidary.Engine.Cpu.Vectors;

namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>The order of operations is that of torch.optim.AdamW's single-tensor form; factors that torch forms in Python are formed in
    /// fp64.</remarks>
    public void AdamW(Tensor dWeight, Tensor norm, Tensor stepScalars, AdamWOptions options, Tensor weight, Tensor m, Tensor v)
    {
        float* norms = norm.Pointer<float>();
        if (OnlyCounts || !AdamWOptions.Takes(norms[2])) return;
        double learningRate = stepScalars.Pointer<float>()[0], c1 = stepScalars.Pointer<float>()[1], c2 = stepScalars.Pointer<float>()[2];
        _team.Each(weight.Count, new AdamWOp
        {
            Gradient = dWeight.Pointer<float>(),
            Weight = weight.Pointer<float>(),
            M = m.Pointer<float>(),
            V2 = v.Pointer<float>(),
            Clip = norms[1],
            Decay = (float)(1 - learningRate * options.WeightDecay),
            OneMinusBeta1 = (float)(1 - options.Beta1),
            Beta2 = (float)options.Beta2,
            OneMinusBeta2 = (float)(1 - options.Beta2),
            RootC2 = (float)Math.Sqrt(c2),
            Epsilon = (float)options.Epsilon,
            StepSize = (float)(learningRate / c1),
        });
    }
}
