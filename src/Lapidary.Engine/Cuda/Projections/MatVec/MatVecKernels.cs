using System.Numerics;
using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Projections.MatVec;

/// <summary>Products with a single token.</summary>
internal sealed class MatVecKernels(Launcher launcher)
{
    // As matvec.cu has them: warps of a block, columns that a warp takes at once, rows that it takes, steps that it has under way.
    private const int Warps = 8;
    private const int Step = 256;
    private const int RowsPerWarp = 2;
    private const int Depth = 4;

    /// <summary>Elements a lane takes at once, hence what rows must be a multiple of.</summary>
    private const int Width = 8;

    /// <summary>Warps that a product of few rows is spread over, where its columns allow: some to each multiprocessor.</summary>
    private const int MinWarps = 1024;

    private readonly Kernel _nf4 = new("matvec.cu", "matvec_nf4");
    private readonly Kernel _nf4Nested = new("matvec.cu", "matvec_nf4_nested");
    private readonly Kernel _bf16 = new("matvec.cu", "matvec_bf16");
    private readonly Kernel _fp16 = new("matvec.cu", "matvec_fp16");
    private readonly Kernel _fp32 = new("matvec.cu", "matvec_fp32");

    /// <summary>y = W · x for a single token, directly from the weight's bytes: one launch, no decoded copy.</summary>
    /// <returns>False if the kernel does not support the shape: rows of W must be a multiple of 8 elements, 16-byte aligned.</returns>
    public bool TryRun(Tensor x, Tensor weight, Tensor y)
    {
        var (tokens, dim) = Rows(x);
        if (tokens != 1 || dim % Width != 0 || (x.Address | weight.Address) % 16 != 0) return false;
        int rows = Rows(y).Dim, warps = WarpsPerRow(rows, dim), blockRows = Warps / warps * RowsPerWarp;
        var product = new MatVecArgs
        {
            X = x.Address,
            Weight = weight.Address,
            Y = y.Address,
            Rows = rows,
            Dim = dim,
            WarpsPerRow = warps,
            YType = (int)y.DType,
        };
        Dim3 grid = Tiles(rows, blockRows), block = Warps * WarpSize;
        switch (weight.DType)
        {
            case DType.NF4 when weight.Scales is { } scales:
                launcher.Launch(scales.IsNested ? _nf4Nested : _nf4, grid, block, sharedBytes: 0, new MatVecNf4Args
                {
                    Product = product,
                    Absmax = scales.Absmax.Address,
                    NestedAbsmax = scales.NestedAbsmax?.Address ?? 0,
                    NestedCode = scales.NestedCode?.Address ?? 0,
                    BlockShift = BitOperations.Log2((uint)scales.BlockSize),
                    Offset = scales.Offset,
                });
                return true;
            case DType.BFloat16:
                launcher.Launch(_bf16, grid, block, sharedBytes: 0, product);
                return true;
            case DType.Float16:
                launcher.Launch(_fp16, grid, block, sharedBytes: 0, product);
                return true;
            case DType.Float32:
                launcher.Launch(_fp32, grid, block, sharedBytes: 0, product);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Number of warps that share a row: few enough that each has a step, enough that a row is fetched at once and that few rows
    /// still fill the device. Depends only on sizes, so that sums have the same order on every card.</summary>
    private static int WarpsPerRow(int rows, int dim)
    {
        int steps = Tiles(dim, Step), pairs = Tiles(rows, RowsPerWarp), warps = 1;
        while (warps < Warps && warps < steps && (warps * Depth < steps || (long)pairs * warps < MinWarps)) warps *= 2;
        return warps;
    }

    private struct MatVecArgs
    {
        public nint X, Weight, Y;
        public int Rows, Dim, WarpsPerRow, YType;
    }

    private struct MatVecNf4Args
    {
        public MatVecArgs Product;
        public nint Absmax, NestedAbsmax, NestedCode;
        public int BlockShift;
        public float Offset;
    }
}
