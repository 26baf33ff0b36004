using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private readonly Kernel _addBFloat16 = new("add.cu", "add_bf16");
    private readonly Kernel _addFloat32 = new("add.cu", "add_fp32");

    /// <inheritdoc/>
    public void Add(Tensor source, Tensor target) => LaunchStrided(
        target.DType == DType.BFloat16 ? _addBFloat16 : _addFloat32,
        target.Count,
        width: 8,
        new AddArgs { Source = source.Address, Target = target.Address, Count = target.Count });

    private struct AddArgs
    {
        public nint Source, Target;
        public long Count;
    }
}
