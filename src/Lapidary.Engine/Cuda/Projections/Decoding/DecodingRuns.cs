using Lapidary.Engine.Cuda.Launching;

namespace Lapidary.Engine.Cuda.Projections.Decoding;

/// <summary>The runs of 16 bytes that kernels decode to.</summary>
internal static class DecodingRuns
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    /// <summary>Elements of a run, as nf4_decode.cu, augmented_weight.cu and to_act.cu write them.</summary>
    public const int Width = 8;

    /// <summary>Runs that a thread of nf4_decode.cu and augmented_weight.cu has under way.</summary>
    private const int Depth = 4;

    /// <summary>Runs of a tensor's elements, rows behind each other.</summary>
    public static long Of(Tensor tensor) => (tensor.Count + Width - 1) / Width;

    /// <summary>Runs of a matrix of whole runs; the kernels count them in 31 bits.</summary>
    public static int Of(int rows, int width) => checked(rows * (width / Width));

    /// <summary>Queues a kernel whose threads take <see cref="Depth"/> runs each.</summary>
    public static void LaunchRuns<TArgs>(this Launcher launcher, Kernel kernel, long runs, in TArgs args) where TArgs : unmanaged =>
        launcher.LaunchEach(kernel, (runs + Depth - 1) / Depth, Threads, in args);
}
