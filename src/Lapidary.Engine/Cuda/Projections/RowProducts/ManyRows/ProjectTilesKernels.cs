using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;
using Lapidary.Engine.Cuda.Projections.RowProducts.Squares;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;

/// <summary>Products of more rows than few with weights in the type of activations: as they are in memory, or decoded and kept.</summary>
/// <remarks>The bits are those of <see cref="ProjectRowsKernels"/>, since sums are formed alike.</remarks>
internal sealed class ProjectTilesKernels(
    CudaRuntime runtime, ProjectionWeights weights, ArrangedRows arranged, LargestOutputs largest)
{
    // As project_tiles.cuh has them.
    private const int MinStages = 2, MaxStages = 3, JoinBytes = 16;

    /// <summary>Blocks of a multiprocessor that registers have room for: of 128 rows of x, and of fewer.</summary>
    private const int Blocks128 = 2, BlocksPerMultiprocessor = 3;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly TileKernels _kernels = new();
    private readonly ProjectSquaresKernels _squares = new(runtime);

    /// <summary>yᵢ = x · Wᵢᵀ of projections from <paramref name="first"/> on, all of one form; false, and nothing done, if a weight is not
    /// there in the type of activations or no tile fits.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="projections">The layers.</param>
    /// <param name="ys">[rows, out] each.</param>
    /// <param name="first">Index of the first of them.</param>
    /// <param name="count">Their number.</param>
    /// <param name="form">Their form.</param>
    /// <param name="outputs">Their outputs in all.</param>
    /// <param name="isWide">Whether these give every multiprocessor a wide tile.</param>
    /// <param name="args">x, and scratch for bundles of narrow tiles.</param>
    public bool TryRun(
        Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys, int first, int count, RowForm form, int outputs,
        bool isWide, ProjectRowsArgs args)
    {
        arranged.Reserve(x);
        if (TileOf(args, form, outputs, isWide) is not { } tile) return false;
        int tiles = 0;
        for (int i = 0; i < count; i++)
        {
            if (weights.RowsOf(projections[first + i]) is not { } rows) return false;
            args.Set(i, rows, ys[first + i]);
            tiles = args.EndTiles(i, tile.TileRows, tiles);
        }

        if (IsSquare(tile) && !tile.IsSplit && count == 1) args.Largest = largest.Place(ys[first]);
        Launch(x, args, count, tiles, form, tile, isGated: false);
        if (args.Largest != 0) largest.Add(ys[first]);
        return true;
    }

    /// <summary>y = gelu_tanh(x · Wgᵀ) · (x · Wuᵀ) in the same way, of wide weights of one form.</summary>
    public bool TryGated(Tensor x, Projection gate, Projection up, Tensor y, RowForm form, Tensor? next)
    {
        var args = new ProjectRowsArgs(x, RowShape.Of(form, Rows(x).Dim)) { Copy = arranged.Place(RowMaker.Gate, y, next) };
        arranged.Reserve(x);
        if (TileOf(args, form, 2 * Rows(y).Dim, isWide: true) is not { } tile) return false;
        if (weights.RowsOf(gate) is not { } gateRows || weights.RowsOf(up) is not { } upRows) return false;
        args.Set(0, gateRows, y);
        args.Set(1, upRows, y);
        int tiles = args.EndTiles(0, tile.TileRows / 2, tiles: 0);
        Launch(x, args, 2, tiles, form, tile, isGated: true);
        arranged.Add(y, args.Copy);
        return true;
    }

    /// <summary>The tile for a number of rows; null where kernels that read the weight's bytes are to take them, and where a block has too
    /// little shared memory.</summary>
    private RowTile? TileOf(in ProjectRowsArgs args, RowForm form, int outputs, bool isWide)
    {
        int rows = args.Rows, bundles = args.Bundles;
        if (rows <= RowTile.Few.GroupRows || form == RowForm.Any || IsFasterFromItsBytes(args, form, outputs, isWide)) return null;
        var (tile32, tile64, tile128) = isWide
            ? (RowTile.Wide32, RowTile.Wide64, RowTile.Wide128)
            : (RowTile.Narrow32, RowTile.Narrow64, RowTile.Narrow128);
        if ((long)Tiles(outputs, tile32.TileRows / 2) * bundles > MaxGrid) return null;
        if (runtime.HasWarpgroups) tile128 = RowTile.Square128 with { IsSplit = !isWide };
        return rows > tile64.GroupRows && Fills(tile128) && (IsSquare(tile128) ? _squares.Fit : Fits(tile128)) ? tile128
            : rows > tile32.GroupRows && Fills(tile64) && Fits(tile64) ? tile64
            : Fits(tile32) ? tile32 : null;

        // Enough blocks for all multiprocessors and half of them once more; of large blocks, for three in four.
        bool Fills(RowTile tile) => isWide || (IsSquare(tile) ? 4 : 2)
            * Tiles(outputs, tile.TileRows) * bundles * Tiles(rows, tile.GroupRows) >= 3 * runtime.Device.Multiprocessors;

        bool Fits(RowTile tile) => Stages(tile, blocks: 1) >= MinStages;
    }

    /// <summary>Whether kernels that read the weight's own bytes are faster, as measured on an H200. NF4's fill their tables while the
    /// kernel before them ends, if each multiprocessor has one block at most.</summary>
    private bool IsFasterFromItsBytes(in ProjectRowsArgs args, RowForm form, int outputs, bool isWide)
    {
        if (form is not (RowForm.Nf4 or RowForm.Nested) || args.Rows > RowTile.Many32.GroupRows) return false;
        int blocks = isWide ? Tiles(outputs, RowTile.Many32.TileRows) : Tiles(outputs, RowTile.Split32.TileRows) * args.Bundles;
        return blocks <= runtime.Device.Multiprocessors;
    }

    /// <summary>Stages in shared memory: as many as leave room for all blocks that a multiprocessor gets, as far as registers
    /// have.</summary>
    private int Stages(RowTile tile, int blocks)
    {
        int most = tile.GroupRows == RowTile.Wide128.GroupRows ? Blocks128 : BlocksPerMultiprocessor;
        int each = Math.Clamp(Tiles(blocks, runtime.Device.Multiprocessors), 1, most);
        int available = runtime.Thresholds.RowsSharedBytes ?? runtime.SharedBytes;
        int fit = (available - JoinBytes) / StageBytes(tile);
        int shared = ((available / each) - RowTile.ReservedBytes - JoinBytes) / StageBytes(tile);
        return Math.Min(fit, Math.Clamp(shared, MinStages, MaxStages));
    }

    private static bool IsSquare(RowTile tile) => tile.TileRows == RowTile.Square128.TileRows;

    private static int StageBytes(RowTile tile) => (tile.TileRows + tile.GroupRows) * RowTile.StageColumns * sizeof(ushort);

    private void Launch(Tensor x, ProjectRowsArgs args, int count, int tiles, RowForm form, RowTile tile, bool isGated)
    {
        args.X = arranged.Of(x, form);
        if (IsSquare(tile))
        {
            _squares.Run(args, count, tiles, form, tile.IsSplit, isGated);
            return;
        }

        int groups = Tiles(args.Rows, tile.GroupRows), blocks = tile.IsSplit ? tiles * args.Bundles : tiles;
        args.Stages = Stages(tile, groups * blocks);
        var kernel = _kernels.Of(form, tile, isGated);
        int sharedBytes = (args.Stages * StageBytes(tile)) + JoinBytes;
        _launcher.Launch(kernel, new Dim3(groups, blocks), tile.MaxWarps * WarpSize, sharedBytes, in args);
    }
}
