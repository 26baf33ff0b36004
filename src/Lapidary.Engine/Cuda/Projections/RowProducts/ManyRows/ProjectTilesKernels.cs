using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;

/// <summary>Products of more rows than few with weights in the type of activations: as they are in memory, or decoded and kept.</summary>
/// <remarks>The bits are those of <see cref="ProjectRowsKernels"/>, since sums are formed alike.</remarks>
internal sealed class ProjectTilesKernels(CudaRuntime runtime, ProjectionWeights weights)
{
    // As project_tiles.cuh has them.
    private const int StageColumns = 128, MinStages = 2, MaxStages = 3, StaticBytes = 16, BlocksPerMultiprocessor = 3;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly TileKernels _kernels = new();

    /// <summary>yᵢ = x · Wᵢᵀ of projections from <paramref name="first"/> on, all of one form; false, and nothing done, if a weight is not
    /// there in the type of activations or no tile fits.</summary>
    /// <param name="projections">The layers.</param>
    /// <param name="ys">[rows, out] each.</param>
    /// <param name="first">Index of the first of them.</param>
    /// <param name="count">Their number.</param>
    /// <param name="form">Their form.</param>
    /// <param name="outputs">Their outputs in all.</param>
    /// <param name="isWide">Whether these give every multiprocessor a wide tile.</param>
    /// <param name="args">x, and scratch for bundles of narrow tiles.</param>
    public bool TryRun(
        IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys, int first, int count, RowForm form, int outputs, bool isWide,
        ProjectRowsArgs args)
    {
        if (TileOf(args, form, outputs, isWide) is not { } tile) return false;
        int tiles = 0;
        for (int i = 0; i < count; i++)
        {
            if (weights.RowsOf(projections[first + i]) is not { } rows) return false;
            args.Set(i, rows, ys[first + i]);
            tiles = args.EndTiles(i, tile.TileRows, tiles);
        }

        Launch(args, tiles, form, tile, isGated: false);
        return true;
    }

    /// <summary>y = gelu_tanh(x · Wgᵀ) · (x · Wuᵀ) in the same way, of wide weights of one form.</summary>
    public bool TryGated(Tensor x, Projection gate, Projection up, Tensor y, RowForm form)
    {
        var args = new ProjectRowsArgs(x, RowShape.Of(form, Rows(x).Dim));
        if (TileOf(args, form, 2 * Rows(y).Dim, isWide: true) is not { } tile) return false;
        if (weights.RowsOf(gate) is not { } gateRows || weights.RowsOf(up) is not { } upRows) return false;
        args.Set(0, gateRows, y);
        args.Set(1, upRows, y);
        int tiles = args.EndTiles(0, tile.TileRows / 2, tiles: 0);
        Launch(args, tiles, form, tile, isGated: true);
        return true;
    }

    /// <summary>The tile for a number of rows; null for few rows, and where a block has too little shared memory.</summary>
    private RowTile? TileOf(in ProjectRowsArgs args, RowForm form, int outputs, bool isWide)
    {
        int rows = args.Rows, bundles = args.Bundles;
        if (rows <= RowTile.Few.GroupRows || form == RowForm.Any) return null;
        var (tile, tile32) = isWide ? (RowTile.Wide64, RowTile.Wide32) : (RowTile.Narrow64, RowTile.Narrow32);
        if (IsFasterFromItsBytes(form, rows, isWide, outputs)) return null;
        if ((long)Tiles(outputs, tile.TileRows / 2) * bundles > MaxGrid) return null;
        bool fills = isWide || Blocks(tile) >= (BlocksPerMultiprocessor - 1) * runtime.Device.Multiprocessors;
        return rows > tile32.GroupRows && fills && Stages(tile) >= MinStages ? tile : Stages(tile32) >= MinStages ? tile32 : null;

        int Blocks(RowTile tile) => Tiles(outputs, tile.TileRows) * bundles * Tiles(rows, tile.GroupRows);
    }

    /// <summary>Whether NF4's own kernels are faster, as measured on an H200: they read a quarter of the bytes, and fill their tables while
    /// the kernel before them ends. They lose where there are many rows, or so many tiles that some wait for others.</summary>
    private bool IsFasterFromItsBytes(RowForm form, int rows, bool isWide, int outputs) => form is RowForm.Nf4 or RowForm.Nested
        && (isWide
            ? rows <= RowTile.Many32.GroupRows && Tiles(outputs, RowTile.Many32.TileRows) <= runtime.Device.Multiprocessors
            : rows <= RowTile.Split.GroupRows);

    /// <summary>Stages in shared memory: as many as leave room for all blocks that registers have room for.</summary>
    private int Stages(RowTile tile)
    {
        int available = runtime.Thresholds.RowsSharedBytes ?? runtime.SharedBytes;
        int most = (available - StaticBytes) / StageBytes(tile), shared = ((available / BlocksPerMultiprocessor) - 1024) / StageBytes(tile);
        return Math.Min(most, Math.Clamp(shared, MinStages, MaxStages));
    }

    private static int StageBytes(RowTile tile) => (tile.TileRows + tile.GroupRows) * StageColumns * sizeof(ushort);

    private void Launch(ProjectRowsArgs args, int tiles, RowForm form, RowTile tile, bool isGated)
    {
        int groups = Tiles(args.Rows, tile.GroupRows), blocks = tiles;
        args.Stages = Stages(tile);
        if (tile.IsSplit) blocks *= args.Bundles;
        var kernel = _kernels.Of(form, tile, isGated);
        _launcher.Launch(kernel, new Dim3(groups, blocks), tile.MaxWarps * WarpSize, args.Stages * StageBytes(tile), in args);
    }
}
