using Lapidary.Engine.Cuda.Launching;
using static Lapidary.Engine.Cuda.Launching.KernelShapes;

namespace Lapidary.Engine.Cuda.Pointwise;

/// <summary>Gradients of norms' weights, by partial sums over blocks of rows.</summary>
internal sealed class NormWeightKernels(CudaRuntime runtime)
{
    /// <summary>Rows of a partial sum, as norm_weight.cu has them, and threads of a block, at least those of half a head.</summary>
    private const int BlockRows = 32, ColumnThreads = 128;

    private const int JoinThreads = 1024;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _rmsNorm1 = new("norm_weight.cu", "rms_norm_weight_1");
    private readonly Kernel _rmsNorm2 = new("norm_weight.cu", "rms_norm_weight_2");
    private readonly Kernel _qkNorm1 = new("norm_weight.cu", "qk_norm_weight_1");
    private readonly Kernel _qkNorm2 = new("norm_weight.cu", "qk_norm_weight_2");
    private readonly Kernel _join = new("norm_weight.cu", "norm_weight_join");

    /// <summary>dWeight += Σ dy · x · rstd over the rows.</summary>
    public void AddOfRmsNorm(Tensor dy, Tensor x, Tensor rstd, Tensor dWeight)
    {
        var (rows, dim) = Rows(x);
        nint partials = Partials(rows, dim);
        bool pairs = dim % 2 == 0;
        var grid = new Dim3(Tiles(rows, BlockRows), Tiles(dim, pairs ? 2 * ColumnThreads : ColumnThreads));
        _launcher.Launch(pairs ? _rmsNorm2 : _rmsNorm1, grid, ColumnThreads, sharedBytes: 0, new RmsNormWeightArgs
        {
            Dy = dy.Address,
            X = x.Address,
            Rstd = rstd.Address,
            Partials = partials,
            Rows = rows,
            Dim = dim,
            Post = dy.DType == DType.Float32 ? 1 : 0,
        });
        Join(partials, rows, dim, dWeight);
    }

    /// <summary>dWeight += Σ of dy rotated back, times x · rstd, over the heads of all tokens.</summary>
    public void AddOfQkNorm(Tensor dy, Tensor x, Tensor cos, Tensor sin, Tensor rstd, Tensor dWeight)
    {
        int headDim = checked((int)dWeight.Count), rows = checked((int)rstd.Count);
        nint partials = Partials(rows, headDim);
        bool pairs = headDim % 4 == 0;
        int threads = Tiles(headDim / (pairs ? 4 : 2), WarpSize) * WarpSize;
        _launcher.Launch(pairs ? _qkNorm2 : _qkNorm1, Tiles(rows, BlockRows), threads, sharedBytes: 0, new QkNormWeightArgs
        {
            Dy = dy.Address,
            X = x.Address,
            Cos = cos.Address,
            Sin = sin.Address,
            Rstd = rstd.Address,
            Partials = partials,
            Rows = rows,
            HeadDim = headDim,
            Heads = (int)(rows / cos.Shape[0]),
        });
        Join(partials, rows, headDim, dWeight);
    }

    /// <summary>Memory for the sums of all blocks of rows.</summary>
    private nint Partials(int rows, int dim) => runtime.Scratch.Get("norm weight", (long)Tiles(rows, BlockRows) * dim * sizeof(float));

    private void Join(nint partials, int rows, int dim, Tensor dWeight) =>
        _launcher.Launch(_join, Tiles(dim, WarpSize), JoinThreads, sharedBytes: 0, new NormWeightJoinArgs
        {
            Partials = partials,
            DWeight = dWeight.Address,
            Blocks = Tiles(rows, BlockRows),
            Dim = dim,
        });

    private struct RmsNormWeightArgs
    {
        public nint Dy, X, Rstd, Partials;
        public int Rows, Dim, Post;
    }

    private struct QkNormWeightArgs
    {
        public nint Dy, X, Cos, Sin, Rstd, Partials;
        public int Rows, HeadDim, Heads;
    }

    private struct NormWeightJoinArgs
    {
        public nint Partials, DWeight;
        public int Blocks, Dim;
    }
}
