using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lapidary.Engine.Cuda.Driver;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.Squares;

/// <summary>Products of more than 64 rows where there are warpgroups: tiles of 128 rows of both, which the hardware copies.</summary>
internal sealed class ProjectSquaresKernels(CudaRuntime runtime)
{
    // As square_stages.cuh has them.
    private const int Threads = 384, HalfRows = 64, StageBytes = 65 << 10, SharedBytes = 64, MinStages = 2, MaxStages = 3;

    private readonly Kernel _nf4 = new("project_squares.cu", "project_squares_nf4");
    private readonly Kernel _nf4Gated = new("project_squares.cu", "project_squares_nf4_gated");
    private readonly Kernel _nf4Split = new("project_squares.cu", "project_squares_nf4_split");
    private readonly Kernel _dense = new("project_squares.cu", "project_squares_dense");
    private readonly Kernel _denseGated = new("project_squares.cu", "project_squares_dense_gated");
    private readonly Kernel _denseSplit = new("project_squares.cu", "project_squares_dense_split");

    /// <summary>Whether a block has the shared memory for them.</summary>
    public bool Fit => Stages >= MinStages;

    private int Stages => Math.Min(MaxStages, ((runtime.Thresholds.RowsSharedBytes ?? runtime.SharedBytes) - SharedBytes) / StageBytes);

    /// <summary>Queues the products of weights, <see cref="ProjectRowsArgs.X"/> of which is arranged.</summary>
    /// <param name="args">The weights, their outputs, and the ends of their tiles.</param>
    /// <param name="weights">Their number; 2 of a gated kernel.</param>
    /// <param name="tiles">Tiles of all.</param>
    /// <param name="form">The weights' form.</param>
    /// <param name="isSplit">Whether a block is to take one bundle.</param>
    /// <param name="isGated">Whether the weights are a gate and what it is multiplied by.</param>
    public void Run(ProjectRowsArgs args, int weights, int tiles, RowForm form, bool isSplit, bool isGated)
    {
        isSplit &= args.Bundles > 1;
        args.Stages = Stages;
        args.EndTiles(tiles);
        int groups = Tiles(args.Rows, RowTile.Square128.GroupRows);
        var squares = new ProjectSquaresArgs { Rows = args, ClusterX = groups % 2 == 0 ? 2 : 1 };
        squares.ClusterY = squares.ClusterX == 1 && tiles % 2 == 0 ? 2 : 1;
        if (!runtime.OnlyCounts) SetMaps(ref squares, weights);
        int sharedBytes = (args.Stages * StageBytes) + SharedBytes;
        int blocks = isSplit ? tiles * args.Bundles : Math.Min(tiles, BlocksAtOnce(groups, squares.ClusterY));
        squares.Waits = (long)groups * blocks <= runtime.Device.Multiprocessors ? 1 : 0;
        var cluster = new Dim3(squares.ClusterX, squares.ClusterY);
        runtime.Launcher.Launch(KernelOf(form, isSplit, isGated), new Dim3(groups, blocks), Threads, sharedBytes, cluster, in squares);
    }

    /// <summary>Blocks of a group of rows that run at once, one on a multiprocessor: a multiple of a cluster's.</summary>
    private int BlocksAtOnce(int groups, int clusterY) =>
        Math.Max(1, runtime.Device.Multiprocessors / (groups * clusterY)) * clusterY;

    private Kernel KernelOf(RowForm form, bool isSplit, bool isGated) => form is RowForm.Nf4 or RowForm.Nested
        ? isGated ? _nf4Gated : isSplit ? _nf4Split : _nf4
        : isGated ? _denseGated : isSplit ? _denseSplit : _dense;

    private static unsafe void SetMaps(ref ProjectSquaresArgs squares, int weights)
    {
        ref var rows = ref squares.Rows;
        int width = Tiles(rows.Dim, RowTile.StageColumns) * RowTile.StageColumns;
        squares.X = TensorMap.Of(rows.X, rows.Rows, width, width, HalfRows);
        for (int i = 0; i < weights; i++)
            squares.Weight[i] = TensorMap.Of((nint)rows.Weight[i], rows.OutDim[i], rows.Dim, rows.Pitch[i], HalfRows);
    }

    [InlineArray(AugmentedLayout.MaxProjections)]
    private struct TensorMaps
    {
        private TensorMap _first;
    }

    /// <summary>As square_stages.cuh has it, with its size there.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 832)]
    private struct ProjectSquaresArgs
    {
        public TensorMaps Weight;
        public TensorMap X;
        public ProjectRowsArgs Rows;
        public int ClusterX, ClusterY, Waits;
    }
}
