using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.RowProducts.Squares;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>The place of the largest element of rows.</summary>
internal sealed class ArgMaxKernels(CudaRuntime runtime, LargestOutputs largest)
{
    private const int Threads = 256;

    /// <summary>Elements for which a block of its own pays.</summary>
    private const int ElementsOfABlock = 4096;

    /// <summary>Blocks that suffice to fill a device.</summary>
    private const int EnoughBlocks = 1024;

    /// <summary>Rows whose largest outputs lie together, and blocks that share them.</summary>
    private const int RowsAtOnce = 32, BlocksOfRows = 64;

    private readonly Kernel _find1 = new("argmax.cu", "argmax_1");
    private readonly Kernel _find4 = new("argmax.cu", "argmax_4");
    private readonly Kernel _findOfLargest = new("argmax_of_largest.cu", "argmax_of_largest");

    /// <inheritdoc cref="IOps.ArgMax"/>
    public void Run(Tensor x, Tensor indices)
    {
        if (TryOfLargest(x, indices)) return;
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

    /// <summary>The same from the largest of each 16 outputs, where the product before has written them.</summary>
    private bool TryOfLargest(Tensor x, Tensor indices)
    {
        nint outputs = largest.Place(x); // all scratch in any case, as a capture must not allocate
        if (outputs == 0) return false;
        var (rows, dim) = Rows(x);
        int tiles = Tiles(rows, RowsAtOnce);
        nint bests = runtime.Scratch.Get("largest outputs' bests", (long)tiles * BlocksOfRows * RowsAtOnce * sizeof(long));
        nint arrivals = runtime.Scratch.Get("largest outputs' arrivals", (long)tiles * sizeof(int));
        if (!largest.AreOf(x)) return false;
        runtime.Launcher.Launch(_findOfLargest, new Dim3(tiles, BlocksOfRows), Threads, sharedBytes: 0, new ArgMaxOfLargestArgs
        {
            X = x.Address,
            Largest = outputs,
            Indices = indices.Address,
            Bests = bests,
            Arrivals = arrivals,
            Rows = rows,
            Dim = dim,
            Pitch = LargestOutputs.Pitch(rows),
        });
        return true;
    }

    private struct ArgMaxOfLargestArgs
    {
        public nint X, Largest, Indices, Bests, Arrivals;
        public int Rows, Dim, Pitch;
    }

    private struct ArgMaxArgs
    {
        public nint X, Indices, Bests, Arrivals;
        public int Dim;
    }
}
