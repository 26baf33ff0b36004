using System.Numerics;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.Decoding;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts;

/// <summary>Products of a few rows with frozen weights, directly from the weights' bytes.</summary>
/// <remarks>A row's bits depend only on the row and the weight. The number of rows selects the kernel and the tile, but not the order of an
/// element's sum: which warp takes which columns follows from the weight's type and number of columns.</remarks>
internal sealed unsafe class ProjectRowsKernels(Launcher launcher)
{
    private const int MaxWeights = AugmentedLayout.MaxProjections;

    // As project_rows.cu has them: most warps of a block, and of one of the wide kernels, rows of a weight in a tile, lanes that share a
    // row, rows of x.
    private const int MaxWarps = 16, MaxWideWarps = 10, TileRows = 16, WideTileRows = 32, LanesPerRow = 4, FewRows = 8, ManyRows = 64;

    /// <summary>Rows of weights from which on the wide kernels, which read x half as often, still have a block for every
    /// multiprocessor.</summary>
    private const int MinWideRows = 8192;

    private readonly Kernel _nf4Few = new("project_rows.cu", "project_rows_nf4_few");
    private readonly Kernel _nf4 = new("project_rows.cu", "project_rows_nf4");
    private readonly Kernel _nf4Wide = new("project_rows.cu", "project_rows_nf4_wide");
    private readonly Kernel _nestedFew = new("project_rows.cu", "project_rows_nf4_nested_few");
    private readonly Kernel _nested = new("project_rows.cu", "project_rows_nf4_nested");
    private readonly Kernel _nestedWide = new("project_rows.cu", "project_rows_nf4_nested_wide");
    private readonly Kernel _bf16Few = new("project_rows.cu", "project_rows_bf16_few");
    private readonly Kernel _bf16 = new("project_rows.cu", "project_rows_bf16");
    private readonly Kernel _bf16Wide = new("project_rows.cu", "project_rows_bf16_wide");
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

    private void Run(Tensor x, IReadOnlyList<Projection> projections, IReadOnlyList<Tensor> ys, int first, int count, Form form)
    {
        var (rows, dim) = Rows(x);
        int warps = Warps(form, dim), outputs = 0;
        for (int i = first; i < first + count; i++) outputs += Rows(ys[i]).Dim;
        var (kernel, tileRows, groupRows) = KernelOf(form, rows, isWide: outputs >= MinWideRows && warps <= MaxWideWarps);
        var args = new ProjectRowsArgs
        {
            X = x.Address,
            Rows = rows,
            Dim = dim,
            WeightType = (int)projections[first].Weight.DType,
        };
        int tiles = 0;
        for (int i = 0; i < count; i++)
        {
            var (weight, y) = (projections[first + i].Weight, ys[first + i]);
            args.Weight[i] = weight.Address;
            args.Y[i] = y.Address;
            args.OutDim[i] = Rows(y).Dim;
            args.YType[i] = (int)y.DType;
            tiles += Tiles(args.OutDim[i], tileRows);
            args.TileEnd[i] = tiles;
            if (weight.Scales is not { } scales) continue;
            args.Absmax[i] = scales.Absmax.Address;
            args.NestedAbsmax[i] = scales.NestedAbsmax?.Address ?? 0;
            args.NestedCode[i] = scales.NestedCode?.Address ?? 0;
            args.Offset[i] = scales.Offset;
            args.BlockShift[i] = BitOperations.Log2((uint)scales.BlockSize);
        }

        launcher.Launch(kernel, new Dim3(tiles, Tiles(rows, groupRows)), warps * WarpSize, sharedBytes: 0, in args);
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

    /// <summary>Warps that share a row of a weight: each has enough steps to keep loads under way, and long rows have most warps.</summary>
    private static int Warps(Form form, int dim)
    {
        var (run, minSteps) = form switch
        {
            Form.Nf4 or Form.Nested => (32, 2),
            Form.Any => (8, 1),
            _ => (16, 4),
        };
        int steps = Tiles(dim, LanesPerRow * run), perWarp = Math.Max(minSteps, Tiles(steps, MaxWarps));
        return Tiles(steps, perWarp);
    }

    /// <summary>The kernel for a number of rows, the rows of weights that a block takes, and the rows of x.</summary>
    private (Kernel Kernel, int TileRows, int GroupRows) KernelOf(Form form, int rows, bool isWide)
    {
        bool few = rows <= FewRows;
        return form switch
        {
            Form.Nf4 => Choose(_nf4Few, _nf4, _nf4Wide),
            Form.Nested => Choose(_nestedFew, _nested, _nestedWide),
            Form.BFloat16 => Choose(_bf16Few, _bf16, _bf16Wide),
            Form.Float16 => (_fp16, TileRows, ManyRows),
            Form.Float32 => (_fp32, TileRows, ManyRows),
            _ => (_any, TileRows, ManyRows),
        };

        (Kernel Kernel, int TileRows, int GroupRows) Choose(Kernel ofFew, Kernel ofMany, Kernel wide) =>
            few ? (ofFew, TileRows, FewRows) : isWide ? (wide, WideTileRows, ManyRows) : (ofMany, TileRows, ManyRows);
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
        public int Rows, Dim, WeightType;
    }
}
