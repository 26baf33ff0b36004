using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    private const int ElementThreads = 256;

    /// <summary>Blocks per multiprocessor of a kernel that goes over its elements in strides of the grid.</summary>
    private const int BlocksPerMultiprocessor = 16;

    /// <summary>Queues a kernel that goes over <paramref name="count"/> elements in strides of the grid, <paramref name="width"/> at
    /// once.</summary>
    private void LaunchStrided<TArgs>(Kernel kernel, long count, int width, in TArgs args, int gridY = 1) where TArgs : unmanaged
    {
        long perBlock = (long)ElementThreads * width;
        long blocks = Math.Clamp((count + perBlock - 1) / perBlock, 1, (long)Device.Multiprocessors * BlocksPerMultiprocessor);
        Launch(kernel, new Dim3((int)blocks, gridY), ElementThreads, sharedBytes: 0, in args);
    }
}
