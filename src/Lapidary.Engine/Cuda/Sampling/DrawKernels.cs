using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Sampling;

/// <summary>Draws of elements of rows: sums by buckets of logits, then the choice in the bucket that holds the answer.</summary>
internal sealed class DrawKernels(CudaRuntime runtime)
{
    private const int Threads = 256;

    /// <summary>Elements for which a block of its own pays: it clears and adds a table of buckets.</summary>
    private const int ElementsOfABlock = 8192;

    /// <summary>Blocks that suffice to fill a device.</summary>
    private const int EnoughBlocks = 1024;

    /// <summary>Of a row: BUCKETS and MOST_KEYS of draw.cuh, and the bytes of its DrawState.</summary>
    private const int Buckets = 4096, MostKeys = 4096, StateBytes = 64;

    /// <summary>Rows that there is room for from the first draw on, because captured steps are captured again when it grows.</summary>
    private const int LeastRoom = 64;

    private readonly Kernel _sum1 = new("draw_sum.cu", "draw_sum_1");
    private readonly Kernel _sum4 = new("draw_sum.cu", "draw_sum_4");
    private readonly Kernel _choose1 = new("draw_choose.cu", "draw_choose_1");
    private readonly Kernel _choose4 = new("draw_choose.cu", "draw_choose_4");

    /// <inheritdoc cref="IOps.Draw"/>
    public void Run(Tensor x, Tensor draws, Tensor indices)
    {
        var (rows, dim) = Rows(x);
        if (dim > TokenDraw.MaxLength) throw new ShapeException(nameof(IOps.Draw), nameof(x), $"rows of at most {TokenDraw.MaxLength}", x);
        int room = Math.Max(rows, LeastRoom);
        var args = new DrawArgs
        {
            X = x.Address,
            Draws = draws.Address,
            Indices = indices.Address,
            Sums = runtime.Scratch.Get("draws' sums", (long)room * Buckets * sizeof(ulong)),
            States = runtime.Scratch.Get("draws' states", (long)room * StateBytes),
            Keys = runtime.Scratch.Get("draws' keys", (long)room * MostKeys * sizeof(ulong)),
            Dim = dim,
        };
        var grid = new Dim3(rows, Math.Clamp(EnoughBlocks / rows, 1, Tiles(dim, ElementsOfABlock)));
        bool isWide = dim % 4 == 0;
        runtime.Launcher.Launch(isWide ? _sum4 : _sum1, grid, Threads, sharedBytes: 0, args);
        runtime.Launcher.Launch(isWide ? _choose4 : _choose1, grid, Threads, sharedBytes: 0, args);
    }

    private struct DrawArgs
    {
        public nint X, Draws, Indices, Sums, States, Keys;
        public int Dim;
    }
}
