using System.Numerics;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts;

/// <summary>Products of a few rows with weights, directly from the weights' bytes.</summary>
/// <remarks>A row's bits depend only on the row and the weight. The number of rows selects the kernel and the tile, but not the order of an
/// element's sum: the parts it consists of follow from the weight's type and number of columns.</remarks>
internal sealed unsafe class ProjectRowsKernels(CudaRuntime runtime)
{
    private const int MaxWeights = AugmentedLayout.MaxProjections;

    // As project_rows.cuh and its kernels have them.
    private const int LanesPerRow = 4, BundleParts = 4, PadRows = 4, ManyStages = 3, SplitStages = 2;
    private const int TableBytes = 32 << 10, ScaleTableBytes = 1 << 10, NoTableBytes = 16, StaticBytes = 16;

    /// <summary>Rows of weights from which on tiles of more rows still give every multiprocessor a block.</summary>
    private const int MinWideRows = 8192;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly RowKernels _kernels = new();

    /// <summary>yᵢ = x · Wᵢᵀ. One launch for neighbours of the same form, which all weights of a layer usually have.</summary>
    public void Run(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys)
    {
        int dim = Rows(x).Dim;
        for (int first = 0, count; first < projections.Count; first += count)
        {
            var form = FormOf(projections[first].Weight, dim);
            count = 1;
            while (count < MaxWeights && first + count < projections.Count && FormOf(projections[first + count].Weight, dim) == form)
                count++;
            Run(x, projections, ys, first, count, form);
        }
    }

    /// <summary>y = gelu_tanh(x · Wgᵀ) · (x · Wuᵀ), if there is a kernel for the form of both weights and the number of rows.</summary>
    public bool TryGated(Tensor x, Projection gate, Projection up, Tensor y)
    {
        var (rows, dim) = Rows(x);
        var form = FormOf(gate.Weight, dim);
        var tile = rows > RowTile.Few.GroupRows ? ManyTile(form, rows, isWide: true) : FitsFewWide(form, dim) ? RowTile.FewWide : null;
        if (tile is null || form != FormOf(up.Weight, dim) || _kernels.Gated(form, tile) is not { } kernel) return false;
        if (y.DType != runtime.ActivationDType) return false;
        if (tile != RowTile.FewWide && 2 * Rows(y).Dim < MinWideRows) return false;
        var args = new ProjectRowsArgs();
        Set(ref args, 0, gate.Weight, y);
        Set(ref args, 1, up.Weight, y);
        args.TileEnd[0] = Tiles(args.OutDim[0], tile.TileRows / 2);
        Launch(x, args, args.TileEnd[0], form, kernel, tile);
        return true;
    }

    private void Run(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys, int first, int count, RowForm form)
    {
        var (rows, dim) = Rows(x);
        int outputs = 0;
        for (int i = first; i < first + count; i++) outputs += Rows(ys[i]).Dim;
        bool isWide = outputs >= MinWideRows;
        var many = TakesFew(rows, outputs, PartsOf(form, dim).Parts, isWide) ? null : ManyTile(form, rows, isWide);
        bool takesFewWide = isWide && FitsFewWide(form, dim);
        var (kernel, tile) = many is null ? _kernels.Few(form, takesFewWide) : _kernels.Many(form, many, takesFewWide);
        var args = new ProjectRowsArgs();
        int tiles = 0;
        for (int i = 0; i < count; i++)
        {
            Set(ref args, i, projections[first + i].Weight, ys[first + i]);
            tiles += Tiles(args.OutDim[i], tile.TileRows);
            args.TileEnd[i] = tiles;
        }

        Launch(x, args, tiles, form, kernel, tile);
    }

    /// <summary>Launches a kernel on tiles of weights that <paramref name="args"/> holds.</summary>
    private void Launch(Tensor x, ProjectRowsArgs args, int tiles, RowForm form, Kernel kernel, RowTile tile)
    {
        var (rows, dim) = Rows(x);
        var (_, steps, partSteps, parts) = PartsOf(form, dim);
        int groups = Tiles(rows, tile.GroupRows), warps = tile.MaxWarps, blocks = tiles;
        args.X = x.Address;
        args.Rows = rows;
        args.Dim = dim;
        args.Steps = steps;
        args.PartSteps = partSteps;
        args.Parts = parts;
        args.BundleParts = BundleParts;
        args.Bundles = Tiles(parts, BundleParts);
        if (tile.GroupRows == RowTile.Few.GroupRows)
        {
            args.WarpParts = Tiles(parts, tile.MaxWarps);
            warps = Tiles(parts, args.WarpParts);
        }
        else if (tile.IsSplit)
        {
            long places = (long)groups * tiles;
            blocks *= args.Bundles;
            args.Partial = runtime.Scratch.Get("row products", places * args.Bundles * tile.GroupRows * tile.TileRows * sizeof(float));
            args.Arrivals = runtime.Scratch.Get("row products arrivals", places * sizeof(int));
        }

        int sharedBytes = SharedBytes(form, tile, partSteps, parts);
        _launcher.Launch(kernel, new Dim3(blocks, groups), warps * WarpSize, sharedBytes, in args);
    }

    private static void Set(ref ProjectRowsArgs args, int i, Tensor weight, Tensor y)
    {
        args.Weight[i] = weight.Address;
        args.WeightType = (int)weight.DType;
        args.Y[i] = y.Address;
        args.OutDim[i] = Rows(y).Dim;
        args.YType[i] = (int)y.DType;
        if (weight.Scales is not { } scales) return;
        args.Absmax[i] = scales.Absmax.Address;
        args.NestedAbsmax[i] = scales.NestedAbsmax?.Address ?? 0;
        args.NestedCode[i] = scales.NestedCode?.Address ?? 0;
        args.Offset[i] = scales.Offset;
        args.BlockShift[i] = BitOperations.Log2((uint)scales.BlockSize);
    }

    /// <summary>The form of a weight, which its type and its number of columns decide.</summary>
    private static RowForm FormOf(Tensor weight, int dim) => weight.DType switch
    {
        DType.NF4 when weight.Scales is not null && dim % 32 != 0 => RowForm.Any,
        DType.NF4 when weight.Scales is { IsNested: true } => RowForm.Nested,
        DType.NF4 when weight.Scales is not null => RowForm.Nf4,
        DType.BFloat16 or DType.Float16 or DType.Float32 when dim % 8 != 0 => RowForm.Any,
        DType.BFloat16 => RowForm.BFloat16,
        DType.Float16 => RowForm.Float16,
        DType.Float32 => RowForm.Float32,
        _ => throw new ShapeException(nameof(IOps.ProjectRows), nameof(weight), "NF4, Float32, BFloat16 or Float16", weight),
    };

    /// <summary>Columns of a run, steps of a row, steps of a part and parts, which the form and the number of columns decide.</summary>
    private static (int Run, int Steps, int PartSteps, int Parts) PartsOf(RowForm form, int dim)
    {
        var (run, minPartSteps) = form switch
        {
            RowForm.Nf4 or RowForm.Nested => (32, 1),
            RowForm.Any => (8, 1),
            _ => (16, 2), // as many as a warp needs to keep loads under way
        };
        int steps = Tiles(dim, LanesPerRow * run), partSteps = Math.Max(minPartSteps, Tiles(steps, RowTile.MaxParts));
        return (run, steps, partSteps, Tiles(steps, partSteps));
    }

    /// <summary>Shared memory of a block: the tables; sums of parts, or of bundles where threads have outputs of their own; and rows of
    /// x, which split kernels have in the place of sums.</summary>
    private static int SharedBytes(RowForm form, RowTile tile, int partSteps, int parts)
    {
        int sumBytes = tile.GroupRows * (tile.TileRows + PadRows) * sizeof(float), tables = TablesOf(form);
        if (tile.GroupRows == RowTile.Few.GroupRows) return tables + (parts * sumBytes);
        int xBytes = tile.GroupRows * LanesPerRow * PartsOf(form, dim: 1).Run * sizeof(ushort);
        return tables + (tile.IsSplit
            ? BundleParts * Math.Max(Math.Min(partSteps, SplitStages) * xBytes, sumBytes)
            : (ManyStages * xBytes) + (tile.GroupRows * tile.TileRows * sizeof(float)));
    }

    /// <summary>The tile for more rows than few: split ones for weights that do not give every multiprocessor a tile, smaller ones for
    /// fewer rows and for cards with less shared memory; null where it has room for none, so that the kernels of few rows take them in
    /// groups.</summary>
    private RowTile? ManyTile(RowForm form, int rows, bool isWide)
    {
        var (tile, tile32) = isWide ? (RowTile.Many, RowTile.Many32) : (RowTile.Split, RowTile.Split32);
        return rows > tile32.GroupRows && Fits(tile) ? tile : Fits(tile32) ? tile32 : null;

        bool Fits(RowTile tile) => SharedBytes(form, tile, SplitStages, RowTile.MaxParts) + StaticBytes <= AvailableBytes;
    }

    /// <summary>Whether the kernels of few rows have room for wide tiles.</summary>
    private bool FitsFewWide(RowForm form, int dim)
    {
        var (_, _, partSteps, parts) = PartsOf(form, dim);
        return SharedBytes(form, RowTile.FewWide, partSteps, parts) + StaticBytes <= AvailableBytes;
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

    private struct ProjectRowsArgs
    {
        public nint X;
        public fixed long Weight[MaxWeights];
        public fixed long Y[MaxWeights];
        public fixed long Absmax[MaxWeights];
        public fixed long NestedAbsmax[MaxWeights];
        public fixed long NestedCode[MaxWeights];
        public fixed float Offset[MaxWeights];
        public fixed int BlockShift[MaxWeights];
        public fixed int OutDim[MaxWeights];
        public fixed int TileEnd[MaxWeights];
        public fixed int YType[MaxWeights];
        public int Rows, Dim, WeightType, Steps, PartSteps, Parts, BundleParts, Bundles, WarpParts;
        public nint Partial, Arrivals;
    }
}
