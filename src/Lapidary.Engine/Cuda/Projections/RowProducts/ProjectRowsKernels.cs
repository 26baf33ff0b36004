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
    private const int LanesPerRow = 4, PadRows = 4, Stages = 3, TableBytes = 32 << 10, ScaleTableBytes = 1 << 10, NoTableBytes = 16;

    /// <summary>Rows of weights from which on tiles of more rows still give every multiprocessor a block.</summary>
    private const int MinWideRows = 8192;

    private static readonly Tile Few = new(TileRows: 16, GroupRows: 8, MaxWarps: MaxParts);
    private static readonly Tile FewWide = new(TileRows: 32, GroupRows: 8, MaxWarps: 5);
    private static readonly Tile Many = new(TileRows: 112, GroupRows: 64, MaxWarps: 7);
    private static readonly Tile Split = new(TileRows: 64, GroupRows: 32, MaxWarps: 4, MaxClusterBlocks: 8);

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _nf4 = new("project_rows.cu", "project_rows_nf4");
    private readonly Kernel _nf4Wide = new("project_rows.cu", "project_rows_nf4_wide");
    private readonly Kernel _nf4Many = new("project_rows_many.cu", "project_rows_nf4_many");
    private readonly Kernel _nf4Split = new("project_rows_many.cu", "project_rows_nf4_split");
    private readonly Kernel _nested = new("project_rows.cu", "project_rows_nf4_nested");
    private readonly Kernel _nestedWide = new("project_rows.cu", "project_rows_nf4_nested_wide");
    private readonly Kernel _nestedMany = new("project_rows_many.cu", "project_rows_nf4_nested_many");
    private readonly Kernel _nestedSplit = new("project_rows_many.cu", "project_rows_nf4_nested_split");
    private readonly Kernel _bf16 = new("project_rows.cu", "project_rows_bf16");
    private readonly Kernel _bf16Many = new("project_rows_many.cu", "project_rows_bf16_many");
    private readonly Kernel _bf16Split = new("project_rows_many.cu", "project_rows_bf16_split");
    private readonly Kernel _nf4Gated = new("project_rows.cu", "project_rows_nf4_gated");
    private readonly Kernel _nestedGated = new("project_rows.cu", "project_rows_nf4_nested_gated");
    private readonly Kernel _bf16Gated = new("project_rows.cu", "project_rows_bf16_gated");
    private readonly Kernel _nf4ManyGated = new("project_rows_many.cu", "project_rows_nf4_many_gated");
    private readonly Kernel _nestedManyGated = new("project_rows_many.cu", "project_rows_nf4_nested_many_gated");
    private readonly Kernel _bf16ManyGated = new("project_rows_many.cu", "project_rows_bf16_many_gated");
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
        bool isFew = rows <= Few.GroupRows;
        if (form != FormOf(up.Weight, dim) || GatedKernelOf(form, isFew) is not { } kernel || y.DType != DType.BFloat16) return false;
        if (!isFew && 2 * Rows(y).Dim < MinWideRows) return false;
        var args = new ProjectRowsArgs();
        Set(ref args, 0, gate.Weight, y);
        Set(ref args, 1, up.Weight, y);
        var tile = isFew ? FewWide : Many;
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
        var (kernel, tile) = KernelOf(form, isWide, TakesFew(rows, outputs, PartsOf(form, dim).Parts, isWide));
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
        var (run, steps, partSteps, parts) = PartsOf(form, dim);
        bool isFew = tile.GroupRows == Few.GroupRows;
        int warpParts = Tiles(parts, isFew ? tile.MaxWarps : tile.MaxClusterBlocks), sharers = Tiles(parts, warpParts);
        args.X = x.Address;
        args.Rows = rows;
        args.Dim = dim;
        args.Steps = steps;
        args.PartSteps = partSteps;
        args.Parts = parts;
        args.WarpParts = warpParts;
        args.ClusterBlocks = isFew ? 1 : sharers;
        int sums = isFew ? parts : tile == Split ? warpParts : 0, stages = isFew ? 0 : Stages;
        int sharedBytes = TablesOf(form) + (stages * tile.GroupRows * LanesPerRow * run * sizeof(ushort))
            + (sums * tile.GroupRows * (tile.TileRows + PadRows) * sizeof(float));
        var grid = new Dim3(tiles * args.ClusterBlocks, Tiles(rows, tile.GroupRows));
        int warps = isFew ? sharers : tile.MaxWarps;
        _launcher.Launch(kernel, grid, warps * WarpSize, sharedBytes, in args, args.ClusterBlocks);
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

    /// <summary>Columns of a run, steps of a row, steps of a part and parts, which the form and the number of columns decide. A part has as
    /// many steps at least as a warp needs to keep loads under way.</summary>
    private static (int Run, int Steps, int PartSteps, int Parts) PartsOf(Form form, int dim)
    {
        var (run, minPartSteps) = form switch
        {
            Form.Nf4 or Form.Nested => (32, 1),
            Form.Any => (8, 1),
            _ => (16, 4),
        };
        int steps = Tiles(dim, LanesPerRow * run), partSteps = Math.Max(minPartSteps, Tiles(steps, MaxParts));
        return (run, steps, partSteps, Tiles(steps, partSteps));
    }

    /// <summary>Shared memory of a form's tables.</summary>
    private static int TablesOf(Form form) => form switch
    {
        Form.Nf4 => TableBytes + NoTableBytes,
        Form.Nested => TableBytes + ScaleTableBytes,
        _ => NoTableBytes,
    };

    /// <summary>Whether kernels of few rows take the rows, in groups: if there is one group, or if the blocks of all groups run at once
    /// although each decodes its weights anew. Narrow weights have no other kernel where blocks form no clusters.</summary>
    private bool TakesFew(int rows, int outputs, int parts, bool isWide)
    {
        if (rows <= Few.GroupRows || isWide) return rows <= Few.GroupRows;
        long blocks = (long)Tiles(outputs, Few.TileRows) * Tiles(rows, Few.GroupRows);
        int blocksAtOnce = runtime.Device.Multiprocessors * (Few.MaxWarps / parts);
        return blocks <= blocksAtOnce || runtime.Device.ComputeCapability.Major < 9;
    }

    /// <summary>A form's kernel, and its tile.</summary>
    private (Kernel Kernel, Tile Tile) KernelOf(Form form, bool isWide, bool few) => form switch
    {
        Form.Nf4 => few ? isWide ? (_nf4Wide, FewWide) : (_nf4, Few) : isWide ? (_nf4Many, Many) : (_nf4Split, Split),
        Form.Nested => few ? isWide ? (_nestedWide, FewWide) : (_nested, Few) : isWide ? (_nestedMany, Many) : (_nestedSplit, Split),
        Form.BFloat16 => few ? (_bf16, Few) : isWide ? (_bf16Many, Many) : (_bf16Split, Split),
        Form.Float16 => (_fp16, Few),
        Form.Float32 => (_fp32, Few),
        _ => (_any, Few),
    };

    private Kernel? GatedKernelOf(Form form, bool few) => form switch
    {
        Form.Nf4 => few ? _nf4Gated : _nf4ManyGated,
        Form.Nested => few ? _nestedGated : _nestedManyGated,
        Form.BFloat16 => few ? _bf16Gated : _bf16ManyGated,
        _ => null,
    };

    /// <summary>What a block of a kernel takes: rows of a weight and of x, by at most so many warps; and the blocks at most that share a
    /// tile.</summary>
    private sealed record Tile(int TileRows, int GroupRows, int MaxWarps, int MaxClusterBlocks = 1);

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
        public int Rows, Dim, WeightType, Steps, PartSteps, Parts, WarpParts, ClusterBlocks;
    }
}
