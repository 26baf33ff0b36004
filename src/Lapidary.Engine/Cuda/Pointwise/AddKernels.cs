using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>Sums of two tensors.</summary>
internal sealed class AddKernels(Launcher launcher)
{
    private readonly Kernel _activations = new("add.cu", "add_act");
    private readonly Kernel _float32 = new("add.cu", "add_fp32");

    /// <inheritdoc cref="IOps.Add"/>
    public void Run(Tensor source, Tensor target) => launcher.LaunchStrided(
        target.DType == DType.Float32 ? _float32 : _activations,
        target.Count,
        width: 8,
        new AddArgs { Source = source.Address, Target = target.Address, Count = target.Count });

    private struct AddArgs
    {
        public nint Source, Target;
        public long Count;
    }
}
