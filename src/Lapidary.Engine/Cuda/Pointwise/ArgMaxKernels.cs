using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>The place of the largest element of rows.</summary>
internal sealed class ArgMaxKernels(CudaRuntime runtime)
{
    private const int Threads = 256;

    /// <summary>Elements for which a block of its own pays.</summary>
    private const int ElementsOfABlock = 4096;

    /// <summary>Blocks that suffice to fill a device.</summary>
    private const int EnoughBlocks = 1024;

    private readonly Kernel _find1 = new("argmax.cu", "argmax_1");
    private readonly Kernel _find4 = new("argmax.cu", "argmax_4");

    /// <inheritdoc cref="IOps.ArgMax"/>
    public void Run(Tensor x, Tensor indices)
    {
        var (rows, dim) = Rows(x);
        int blocksOfARow = Math.Clamp(EnoughBlocks / rows, 1, Tiles(dim, ElementsOfABlock));
        nint bests = 0, arrivals = 0;
        if (blocksOfARow > 1)
        {
            bests = runtime.Scratch.Get("largest elements", EnoughBlocks * sizeof(long));
            arrivals = runtime.Scratch.Get("largest elements' arrivals", EnoughBlocks * sizeof(int));
        }

        runtime.Launcher.Launch(dim % 4 == 0 ? _find4 : _find1, new Dim3(rows, blocksOfARow), Threads, sharedBytes: 0, new ArgMaxArgs
        {
            X = x.Address,
            Indices = indices.Address,
            Bests = bests,
            Arrivals = arrivals,
            Dim = dim,
        });
    }

    private struct ArgMaxArgs
    {
        public nint X, Indices, Bests, Arrivals;
        public int Dim;
    }
}
