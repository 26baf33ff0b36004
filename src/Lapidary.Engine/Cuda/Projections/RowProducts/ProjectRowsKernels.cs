using System.Numerics;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts;

/// <summary>Products of a few rows with frozen weights, directly from the weights' bytes.</summary>
/// <remarks>A row's bits depend only on the row and the weight. The number of rows selects the kernel and the tile, but not the order of an
/// element's sum: the parts it consists of follow from the weight's type and number of columns.</remarks>
internal sealed unsafe class ProjectRowsKernels(CudaRuntime runtime)
{
    private const int MaxWeights = AugmentedLayout.MaxProjections;

    /// <summary>Parts that a row of a weight has at most: a kernel of few rows takes a warp for each.</summary>
    private const int MaxParts = 32;

    // As project_rows.cuh and its kernels have them.
    private const int LanesPerRow = 4, BundleParts = 4, PadRows = 4, ManyStages = 3, SplitStages = 2;
    private const int TableBytes = 32 << 10, ScaleTableBytes = 1 << 10, NoTableBytes = 16, StaticBytes = 16;

    /// <summary>Rows of weights from which on tiles of more rows still give every multiprocessor a block.</summary>
    private const int MinWideRows = 8192;

    private static readonly Tile Few = new(TileRows: 16, GroupRows: 8, MaxWarps: MaxParts);
    private static readonly Tile FewWide = new(TileRows: 32, GroupRows: 8, MaxWarps: 5);
    private static readonly Tile FewLong = new(TileRows: 16, GroupRows: 8, MaxWarps: 5);
    private static readonly Tile Many = new(TileRows: 112, GroupRows: 64, MaxWarps: 7);
    private static readonly Tile Many32 = new(TileRows: 112, GroupRows: 32, MaxWarps: 7);
    private static readonly Tile Split = new(TileRows: 64, GroupRows: 64, MaxWarps: 16, IsSplit: true);
    private static readonly Tile Split32 = new(TileRows: 64, GroupRows: 32, MaxWarps: 16, IsSplit: true);

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _nf4 = new("project_rows.cu", "project_rows_nf4");
    private readonly Kernel _nf4Wide = new("project_rows.cu", "project_rows_nf4_wide");
    private readonly Kernel _nf4Gated = new("project_rows.cu", "project_rows_nf4_gated");
    private readonly Kernel _nf4Many = new("project_rows_many.cu", "project_rows_nf4_many");
    private readonly Kernel _nf4ManyGated = new("project_rows_many.cu", "project_rows_nf4_many_gated");
    private readonly Kernel _nf4Many32 = new("project_rows_many32.cu", "project_rows_nf4_many32");
    private readonly Kernel _nf4Many32Gated = new("project_rows_many32.cu", "project_rows_nf4_many32_gated");
    private readonly Kernel _nf4Split = new("project_rows_split.cu", "project_rows_nf4_split");
    private readonly Kernel _nf4Split32 = new("project_rows_split.cu", "project_rows_nf4_split32");
    private readonly Kernel _nested = new("project_rows.cu", "project_rows_nf4_nested");
    private readonly Kernel _nestedWide = new("project_rows.cu", "project_rows_nf4_nested_wide");
    private readonly Kernel _nestedGated = new("project_rows.cu", "project_rows_nf4_nested_gated");
    private readonly Kernel _nestedMany = new("project_rows_many.cu", "project_rows_nf4_nested_many");
    private readonly Kernel _nestedManyGated = new("project_rows_many.cu", "project_rows_nf4_nested_many_gated");
    private readonly Kernel _nestedMany32 = new("project_rows_many32.cu", "project_rows_nf4_nested_many32");
    private readonly Kernel _nestedMany32Gated = new("project_rows_many32.cu", "project_rows_nf4_nested_many32_gated");
    private readonly Kernel _nestedSplit = new("project_rows_split.cu", "project_rows_nf4_nested_split");
    private readonly Kernel _nestedSplit32 = new("project_rows_split.cu", "project_rows_nf4_nested_split32");
    private readonly Kernel _bf16 = new("project_rows.cu", "project_rows_bf16");
    private readonly Kernel _bf16Gated = new("project_rows.cu", "project_rows_bf16_gated");
    private readonly Kernel _bf16Many = new("project_rows_many.cu", "project_rows_bf16_many");
    private readonly Kernel _bf16ManyGated = new("project_rows_many.cu", "project_rows_bf16_many_gated");
    private readonly Kernel _bf16Many32 = new("project_rows_many32.cu", "project_rows_bf16_many32");
    private readonly Kernel _bf16Many32Gated = new("project_rows_many32.cu", "project_rows_bf16_many32_gated");
    private readonly Kernel _bf16Split = new("project_rows_split.cu", "project_rows_bf16_split");
    private readonly Kernel _bf16Split32 = new("project_rows_split.cu", "project_rows_bf16_split32");
    private readonly Kernel _fp16 = new("project_rows.cu", "project_rows_fp16");
    private readonly Kernel _fp32 = new("project_rows.cu", "project_rows_fp32");
    private readonly Kernel _any = new("project_rows.cu", "project_rows_any");

    /// <summary>A form of a weight that has kernels of its own.</summary>
    private enum Form
    {
        Nf4,
        Nested,
        BFloat16,
        Float16,
        Float32,
        Any,
    }

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
        var tile = rows <= Few.GroupRows ? FewWide : ManyTile(form, rows, isWide: true);
        if (form != FormOf(up.Weight, dim) || GatedKernelOf(form, tile) is not { } kernel || y.DType != DType.BFloat16) return false;
        if (tile != FewWide && 2 * Rows(y).Dim < MinWideRows) return false;
        var args = new ProjectRowsArgs();
        Set(ref args, 0, gate.Weight, y);
        Set(ref args, 1, up.Weight, y);
        args.TileEnd[0] = Tiles(args.OutDim[0], tile.TileRows / 2);
        Launch(x, args, args.TileEnd[0], form, kernel, tile);
        return true;
    }

    private void Run(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys, int first, int count, Form form)
    {
        var (rows, dim) = Rows(x);
        int outputs = 0;
        for (int i = first; i < first + count; i++) outputs += Rows(ys[i]).Dim;
        bool isWide = outputs >= MinWideRows;
        bool isFew = TakesFew(rows, outputs, PartsOf(form, dim).Parts, isWide);
        var (kernel, tile) = isFew ? FewOf(form, isWide) : ManyOf(form, ManyTile(form, rows, isWide), isWide);
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
    private void Launch(Tensor x, ProjectRowsArgs args, int tiles, Form form, Kernel kernel, Tile tile)
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
        if (tile.GroupRows == Few.GroupRows)
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
    private static Form FormOf(Tensor weight, int dim) => weight.DType switch
    {
        DType.NF4 when weight.Scales is not null && dim % 32 != 0 => Form.Any,
        DType.NF4 when weight.Scales is { IsNested: true } => Form.Nested,
        DType.NF4 when weight.Scales is not null => Form.Nf4,
        DType.BFloat16 or DType.Float16 or DType.Float32 when dim % 8 != 0 => Form.Any,
        DType.BFloat16 => Form.BFloat16,
        DType.Float16 => Form.Float16,
        DType.Float32 => Form.Float32,
        _ => throw new ShapeException(nameof(IOps.ProjectRows), nameof(weight), "NF4, Float32, BFloat16 or Float16", weight),
    };

    /// <summary>Columns of a run, steps of a row, steps of a part and parts, which the form and the number of columns decide.</summary>
    private static (int Run, int Steps, int PartSteps, int Parts) PartsOf(Form form, int dim)
    {
        var (run, minPartSteps) = form switch
        {
            Form.Nf4 or Form.Nested => (32, 1),
            Form.Any => (8, 1),
            _ => (16, 2), // as many as a warp needs to keep loads under way
        };
        int steps = Tiles(dim, LanesPerRow * run), partSteps = Math.Max(minPartSteps, Tiles(steps, MaxParts));
        return (run, steps, partSteps, Tiles(steps, partSteps));
    }

    /// <summary>Shared memory of a block: the tables; sums of parts, or of bundles where threads have outputs of their own; and rows of
    /// x, which split kernels have in the place of sums.</summary>
    private static int SharedBytes(Form form, Tile tile, int partSteps, int parts)
    {
        int sumBytes = tile.GroupRows * (tile.TileRows + PadRows) * sizeof(float), tables = TablesOf(form);
        if (tile.GroupRows == Few.GroupRows) return tables + (parts * sumBytes);
        int xBytes = tile.GroupRows * LanesPerRow * PartsOf(form, dim: 1).Run * sizeof(ushort);
        return tables + (tile.IsSplit
            ? BundleParts * Math.Max(Math.Min(partSteps, SplitStages) * xBytes, sumBytes)
            : (ManyStages * xBytes) + (tile.GroupRows * tile.TileRows * sizeof(float)));
    }

    /// <summary>The tile for more rows than few: split ones for weights that do not give every multiprocessor a tile, smaller ones for
    /// fewer rows and for cards with less shared memory.</summary>
    private Tile ManyTile(Form form, int rows, bool isWide)
    {
        var (tile, tile32) = isWide ? (Many, Many32) : (Split, Split32);
        int available = runtime.Thresholds.RowsSharedBytes ?? runtime.Device.MaxSharedBytesPerBlock;
        return rows > tile32.GroupRows && SharedBytes(form, tile, SplitStages, MaxParts) + StaticBytes <= available ? tile : tile32;
    }

    /// <summary>Shared memory of a form's tables.</summary>
    private static int TablesOf(Form form) => form switch
    {
        Form.Nf4 => TableBytes + NoTableBytes,
        Form.Nested => TableBytes + ScaleTableBytes,
        _ => NoTableBytes,
    };

    /// <summary>Whether the kernels of few rows take the rows: in one group, or two if all blocks run at once although each decodes its
    /// weights anew.</summary>
    private bool TakesFew(int rows, int outputs, int parts, bool isWide)
    {
        int groups = Tiles(rows, Few.GroupRows), blocks = Tiles(outputs, Few.TileRows) * groups;
        return groups == 1 || (groups == 2 && !isWide && blocks <= runtime.Device.Multiprocessors * (Few.MaxWarps / parts));
    }

    /// <summary>A form's kernel for few rows, and its tile.</summary>
    private (Kernel Kernel, Tile Tile) FewOf(Form form, bool isWide) => form switch
    {
        Form.Nf4 => isWide ? (_nf4Wide, FewWide) : (_nf4, Few),
        Form.Nested => isWide ? (_nestedWide, FewWide) : (_nested, Few),
        Form.BFloat16 => (_bf16, isWide ? FewLong : Few),
        Form.Float16 => (_fp16, Few),
        Form.Float32 => (_fp32, Few),
        _ => (_any, Few),
    };

    /// <summary>A form's kernel for more rows. Other forms have only the kernel for few rows, which takes them in groups.</summary>
    private (Kernel Kernel, Tile Tile) ManyOf(Form form, Tile tile, bool isWide) => form switch
    {
        Form.Nf4 => (Of(tile, _nf4Many, _nf4Many32, _nf4Split, _nf4Split32), tile),
        Form.Nested => (Of(tile, _nestedMany, _nestedMany32, _nestedSplit, _nestedSplit32), tile),
        Form.BFloat16 => (Of(tile, _bf16Many, _bf16Many32, _bf16Split, _bf16Split32), tile),
        _ => FewOf(form, isWide),
    };

    private static Kernel Of(Tile tile, Kernel many, Kernel many32, Kernel split, Kernel split32) =>
        tile == Many ? many : tile == Many32 ? many32 : tile == Split ? split : split32;

    private Kernel? GatedKernelOf(Form form, Tile tile) => form switch
    {
        Form.Nf4 => tile == FewWide ? _nf4Gated : tile == Many ? _nf4ManyGated : _nf4Many32Gated,
        Form.Nested => tile == FewWide ? _nestedGated : tile == Many ? _nestedManyGated : _nestedMany32Gated,
        Form.BFloat16 => tile == FewWide ? _bf16Gated : tile == Many ? _bf16ManyGated : _bf16Many32Gated,
        _ => null,
    };

    /// <summary>What a block of a kernel takes: rows of a weight and of x, by at most so many warps; and whether only a bundle of
    /// parts.</summary>
    private sealed record Tile(int TileRows, int GroupRows, int MaxWarps, bool IsSplit = false);

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
