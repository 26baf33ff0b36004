using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private const int SoftmaxThreads = 1024;

    /// <summary>Blocks that share a row in softmax_rows_cluster.</summary>
    private const int ClusterBlocks = 16;

    private const int ClusterThreads = 512;

    /// <summary>The longest row of softmax_rows_cluster: 36 elements in the registers of each thread.</summary>
    private const int MaxClusterVocabulary = ClusterBlocks * ClusterThreads * 36;

    private readonly Kernel _softmaxRows = new("softmax.cu", "softmax_rows");
    private readonly Kernel _softmaxRowsCluster = new("softmax.cu", "softmax_rows_cluster");

    /// <summary>Whether the device has room for softmax_rows_cluster; null until first asked.</summary>
    private bool? _softmaxClusterFits;

    /// <summary>Where a cluster of blocks can hold a row in its registers, the row is read once instead of twice.</summary>
    private void LaunchSoftmax(int rows, in SoftmaxRowsArgs args)
    {
        _softmaxClusterFits ??= Device.ComputeCapability.Major >= 9 && FitsCluster(_softmaxRowsCluster, ClusterBlocks, ClusterThreads, sharedBytes: 0);
        if (_softmaxClusterFits.Value && args.Vocabulary % 4 == 0 && args.Vocabulary <= MaxClusterVocabulary)
            Launch(_softmaxRowsCluster, rows * ClusterBlocks, ClusterThreads, sharedBytes: 0, in args);
        else
            Launch(_softmaxRows, rows, SoftmaxThreads, sharedBytes: 0, in args);
    }

    /// <summary>Of both kernels.</summary>
    private struct SoftmaxRowsArgs
    {
        public nint Z, Labels, Rows, RowsCount, LossScale, Losses, Hits;
        public int First, Vocabulary, Gradient;
    }
}
