using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>The update of AdamW.</summary>
internal sealed class AdamWKernel(Launcher launcher)
{
    private readonly Kernel _adamW = new("adamw.cu", "adamw");

    /// <inheritdoc cref="IOps.AdamW"/>
    public void Run(Tensor dWeight, Tensor norm, Tensor stepScalars, AdamWOptions options, Tensor weight, Tensor m, Tensor v) =>
        launcher.LaunchStrided(_adamW, weight.Count, width: 4, new AdamWArgs
        {
            DWeight = dWeight.Address,
            Norm = norm.Address,
            StepScalars = stepScalars.Address,
            Weight = weight.Address,
            M = m.Address,
            V = v.Address,
            Count = weight.Count,
            Beta1 = options.Beta1,
            Beta2 = options.Beta2,
            Epsilon = options.Epsilon,
            WeightDecay = options.WeightDecay,
        });

    private struct AdamWArgs
    {
        public nint DWeight, Norm, StepScalars, Weight, M, V;
        public long Count;
        public double Beta1, Beta2, Epsilon, WeightDecay;
    }
}
