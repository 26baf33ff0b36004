using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;
using Lapidary.Engine.Cuda.Projections.RowProducts.ManyRows;
using Lapidary.Engine.Cuda.Projections.RowProducts.Squares;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts;

/// <summary>Products of the rows of a decoding step with weights: of few rows directly from the weights' bytes, of more with weights in the
/// type of activations where they are there, else from the bytes too.</summary>
/// <remarks>A row's bits depend only on the row and the weight. The number of rows selects the kernel and the tile, but not the order of an
/// element's sum: the parts it consists of follow from the weight's type and number of columns.</remarks>
internal sealed class ProjectRowsKernels(
    CudaRuntime runtime, ProjectionWeights weights, ArrangedRows arranged, LargestOutputs largest)
{
    private const int MaxWeights = AugmentedLayout.MaxProjections;

    // As project_rows.cuh and its kernels have them.
    private const int PadRows = 4, ManyStages = 3, SplitStages = 2;
    private const int TableBytes = 32 << 10, ScaleTableBytes = 1 << 10, NoTableBytes = 16, StaticBytes = 16;

    /// <summary>Blocks of wide tiles for few rows that a multiprocessor has registers for.</summary>
    private const int WideBlocks = 4;

    /// <summary>Rows of weights from which on tiles of more rows still give every multiprocessor a block.</summary>
    private const int MinWideRows = 8192;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly RowKernels _kernels = new();
    private readonly ProjectTilesKernels _tiles = new(runtime, weights, arranged, largest);

    /// <summary>yᵢ = x · Wᵢᵀ. One launch for neighbours of the same form, which all weights of a layer usually have.</summary>
    public void Run(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys)
    {
        int dim = Rows(x).Dim;
        for (int first = 0, count; first < projections.Count; first += count)
        {
            var form = RowShape.FormOf(projections[first].Weight, dim);
            count = 1;
            while (count < MaxWeights && first + count < projections.Count && IsNext(projections[first + count])) count++;
            Run(x, projections, ys, first, count, form);

            bool IsNext(Projection projection) => RowShape.FormOf(projection.Weight, dim) == form;
        }
    }

    /// <summary>y = gelu_tanh(x · Wgᵀ) · (x · Wuᵀ), if there is a kernel for the form of both weights and the number of rows.</summary>
    public bool TryGated(Tensor x, Projection gate, Projection up, Tensor y, Tensor? next)
    {
        var (rows, dim) = Rows(x);
        var form = RowShape.FormOf(gate.Weight, dim);
        if (form != RowShape.FormOf(up.Weight, dim) || y.DType != runtime.ActivationDType) return false;
        bool isWide = 2 * Rows(y).Dim >= MinWideRows;
        if (isWide && _tiles.TryGated(x, gate, up, y, form, next)) return true;
        var tile = rows > RowTile.Few.GroupRows ? ManyTile(form, rows, isWide: true) : FitsFewWide(form, dim) ? RowTile.FewWide : null;
        if (tile is null || _kernels.Gated(form, tile) is not { } kernel || (tile != RowTile.FewWide && !isWide)) return false;
        var args = new ProjectRowsArgs(x, RowShape.Of(form, dim));
        args.Set(0, gate.Weight, y);
        args.Set(1, up.Weight, y);
        int tiles = args.EndTiles(0, tile.TileRows / 2, tiles: 0);
        Launch(args, tiles, form, kernel, tile);
        return true;
    }

    private void Run(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys, int first, int count, RowForm form)
    {
        var (rows, dim) = Rows(x);
        int outputs = 0;
        for (int i = first; i < first + count; i++) outputs += Rows(ys[i]).Dim;
        bool isWide = outputs >= MinWideRows;
        var shape = RowShape.Of(form, dim);
        var args = new ProjectRowsArgs(x, shape);
        if (!isWide && rows > RowTile.Few.GroupRows) (args.Partial, args.Arrivals) = RowPartials.In(runtime, args, outputs);
        if (_tiles.TryRun(x, projections, ys, first, count, form, outputs, isWide, args)) return;
        var many = TakesFew(rows, outputs, shape.Parts, isWide) ? null : ManyTile(form, rows, isWide);
        bool takesFewWide = isWide && FitsFewWide(form, dim);
        var (kernel, tile) = many is null ? _kernels.Few(form, takesFewWide) : _kernels.Many(form, many, takesFewWide);
        int tiles = 0;
        for (int i = 0; i < count; i++)
        {
            args.Set(i, projections[first + i].Weight, ys[first + i]);
            tiles = args.EndTiles(i, tile.TileRows, tiles);
        }

        Launch(args, tiles, form, kernel, tile);
    }

    /// <summary>Launches a kernel on tiles of weights that <paramref name="args"/> holds.</summary>
    private void Launch(ProjectRowsArgs args, int tiles, RowForm form, Kernel kernel, RowTile tile)
    {
        int groups = Tiles(args.Rows, tile.GroupRows), warps = tile.MaxWarps, blocks = tiles;
        int sharedBytes = SharedBytes(form, tile, args.PartSteps, args.Parts, args.Rows);
        if (tile.GroupRows == RowTile.Few.GroupRows)
        {
            args.SumRows = Math.Min(args.Rows, tile.GroupRows);
            args.WarpParts = Tiles(args.Parts, tile == RowTile.FewWide ? WideWarps(blocks * groups, sharedBytes) : tile.MaxWarps);
            warps = Tiles(args.Parts, args.WarpParts);
        }
        else if (tile.IsSplit)
        {
            blocks *= args.Bundles;
        }

        _launcher.Launch(kernel, new Dim3(blocks, groups), warps * WarpSize, sharedBytes, in args);
    }

    /// <summary>Warps of a wide tile's block: as many as it may have, or one fewer if all blocks run at once only then.</summary>
    private int WideWarps(int blocks, int sharedBytes)
    {
        int most = RowTile.FewWide.MaxWarps, each = Tiles(blocks, runtime.Device.Multiprocessors);
        int fit = runtime.SharedBytes / (sharedBytes + RowTile.ReservedBytes);
        return each == WideBlocks + 1 && each <= fit ? most - 1 : most;
    }

    /// <summary>Shared memory of a block: the tables; sums of parts, or of bundles where threads have outputs of their own; and rows of
    /// x, which split kernels have in the place of sums. Less for fewer rows than few, so that blocks of the next kernel find
    /// room.</summary>
    private static int SharedBytes(RowForm form, RowTile tile, int partSteps, int parts, int rows)
    {
        int rowBytes = (tile.TileRows + PadRows) * sizeof(float), sumBytes = tile.GroupRows * rowBytes, tables = TablesOf(form);
        if (tile.GroupRows == RowTile.Few.GroupRows) return tables + (parts * Math.Min(rows, tile.GroupRows) * rowBytes);
        int xBytes = tile.GroupRows * RowShape.Of(form, dim: 1).StepColumns * sizeof(ushort);
        return tables + (tile.IsSplit
            ? RowShape.BundleParts * Math.Max(Math.Min(partSteps, SplitStages) * xBytes, sumBytes)
            : (ManyStages * xBytes) + (tile.GroupRows * tile.TileRows * sizeof(float)));
    }

    /// <summary>The tile for more rows than few: split ones for weights that do not give every multiprocessor a tile, smaller ones for
    /// fewer rows and for cards with less shared memory; null where it has room for none, so that the kernels of few rows take them in
    /// groups.</summary>
    private RowTile? ManyTile(RowForm form, int rows, bool isWide)
    {
        var (tile, tile32) = isWide ? (RowTile.Many, RowTile.Many32) : (RowTile.Split, RowTile.Split32);
        return rows > tile32.GroupRows && Fits(tile) ? tile : Fits(tile32) ? tile32 : null;

        bool Fits(RowTile tile) => SharedBytes(form, tile, SplitStages, RowTile.MaxParts, tile.GroupRows) + StaticBytes <= AvailableBytes;
    }

    /// <summary>Whether the kernels of few rows have room for wide tiles.</summary>
    private bool FitsFewWide(RowForm form, int dim)
    {
        var shape = RowShape.Of(form, dim);
        return SharedBytes(form, RowTile.FewWide, shape.PartSteps, shape.Parts, RowTile.FewWide.GroupRows) + StaticBytes <= AvailableBytes;
    }

    private int AvailableBytes => runtime.Thresholds.RowsSharedBytes ?? runtime.SharedBytes;

    /// <summary>Shared memory of a form's tables.</summary>
    private static int TablesOf(RowForm form) => form switch
    {
        RowForm.Nf4 => TableBytes + NoTableBytes,
        RowForm.Nested => TableBytes + ScaleTableBytes,
        _ => NoTableBytes,
    };

    /// <summary>Whether the kernels of few rows take the rows: in one group, or two if all blocks run at once although each decodes its
    /// weights anew.</summary>
    private bool TakesFew(int rows, int outputs, int parts, bool isWide)
    {
        int groups = Tiles(rows, RowTile.Few.GroupRows), blocks = Tiles(outputs, RowTile.Few.TileRows) * groups;
        return groups == 1 || (groups == 2 && !isWide && blocks <= runtime.Device.Multiprocessors * (RowTile.Few.MaxWarps / parts));
    }
}
