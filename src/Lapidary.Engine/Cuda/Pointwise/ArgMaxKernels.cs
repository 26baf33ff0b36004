using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>The place of the largest element of rows.</summary>
internal sealed class ArgMaxKernels(Launcher launcher)
{
    private const int Threads = 1024;

    private readonly Kernel _find1 = new("argmax.cu", "argmax_1");
    private readonly Kernel _find4 = new("argmax.cu", "argmax_4");

    /// <inheritdoc cref="IOps.ArgMax"/>
    public void Run(Tensor x, Tensor indices)
    {
        var (rows, dim) = Rows(x);
        launcher.Launch(dim % 4 == 0 ? _find4 : _find1, rows, Threads, sharedBytes: 0, new ArgMaxArgs
        {
            X = x.Address,
            Indices = indices.Address,
            Dim = dim,
        });
    }

    private struct ArgMaxArgs
    {
        public nint X, Indices;
        public int Dim;
    }
}
