using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Loss;

/// <summary>Loss, hit and gradient of rows of logits.</summary>
internal sealed class SoftmaxKernels(CudaRuntime runtime)
{
    private const int Threads = 1024;

    /// <summary>Blocks that share a row in softmax_rows_cluster.</summary>
    private const int ClusterBlocks = 16;

    private const int ClusterThreads = 512;

    /// <summary>The longest row of softmax_rows_cluster: 36 elements in the registers of each thread.</summary>
    private const int MaxClusterVocabulary = ClusterBlocks * ClusterThreads * 36;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _rows = new("softmax.cu", "softmax_rows");
    private readonly Kernel _rowsCluster = new("softmax.cu", "softmax_rows_cluster");

    /// <summary>Whether the device has room for softmax_rows_cluster; null until first asked.</summary>
    private bool? _clusterFits;

    /// <summary>If a cluster of blocks can hold a row in its registers, the row is read once instead of twice.</summary>
    public void Run(int rows, in SoftmaxRowsArgs args)
    {
        _clusterFits ??= runtime.HasClusters
            && _launcher.FitsCluster(_rowsCluster, ClusterBlocks, ClusterThreads, sharedBytes: 0);
        if (_clusterFits.Value && args.Vocabulary % 4 == 0 && args.Vocabulary <= MaxClusterVocabulary)
            _launcher.Launch(_rowsCluster, rows * ClusterBlocks, ClusterThreads, sharedBytes: 0, in args);
        else
            _launcher.Launch(_rows, rows, Threads, sharedBytes: 0, in args);
    }
}

/// <summary>Of both kernels of softmax.cu.</summary>
internal struct SoftmaxRowsArgs
{
    public nint Z, Labels, Rows, RowsCount, LossScale, Losses, Hits;
    public int First, Vocabulary, Gradient;
}
