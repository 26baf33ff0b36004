using Lapidary.Engine.Cuda.Compilation;
using Lapidary.Engine.Cuda.Device;
using Lapidary.Engine.Cuda.Driver;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Launching;

/// <summary>Queues kernels and clears on the backend's stream, in order and without waiting; once warm it allocates nothing. Queues nothing
/// if memory is only counted.</summary>
/// <param name="device">The device, which need not be installed.</param>
/// <param name="maxSharedBytes">The largest shared memory of a block.</param>
/// <param name="context">Its context and stream; null if memory is only counted.</param>
/// <param name="kernels">The kernels, loaded in the context; null without a context.</param>
internal sealed unsafe class Launcher(CudaDevice device, int maxSharedBytes, CudaContext? context, KernelLibrary? kernels)
{
    private const int ElementThreads = 256;

    /// <summary>Blocks per multiprocessor of a kernel that goes over its elements in strides of the grid.</summary>
    private const int BlocksPerMultiprocessor = 16;

    private long _counted;

    /// <summary>Told of each launch and of its dynamic shared memory, also where memory is only counted; null for nobody.</summary>
    public Action<Kernel, int>? Launched { get; set; }

    /// <summary>Increases with all work that is queued on the stream: kernels, products, copies, clears and captured work.</summary>
    public long Queued => context?.Calls ?? _counted;

    /// <summary>Queues a kernel.</summary>
    /// <param name="kernel">A field such as <c>private readonly Kernel _ropeTable = new("rope_table.cu", "rope_table");</c>.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block in bytes; above <see cref="Kernel.DefaultSharedBytes"/> the device's
    /// limit is requested.</param>
    /// <param name="args">The kernel's only parameter, by value: an unmanaged struct with the fields of the C struct in the same order,
    /// addresses as pointers or <see cref="nint"/>, sizes as int or long, numbers as float. Both sides align fields naturally; at most 4
    /// KiB.</param>
    /// <remarks>If the device supports it, the kernel launches while its predecessor in the stream finishes, in a captured graph too, and
    /// first waits for it (after_previous_kernel of common.cuh). Products by cuBLASLt, copies and clears keep their full order with both
    /// neighbours. </remarks>
    public void Launch<TArgs>(Kernel kernel, Dim3 grid, Dim3 block, int sharedBytes, in TArgs args) where TArgs : unmanaged =>
        Launch(kernel, grid, block, sharedBytes, cluster: default, in args);

    /// <summary>The same in clusters of so many blocks, of which the grid has a multiple; by default as the kernel says.</summary>
    public void Launch<TArgs>(Kernel kernel, Dim3 grid, Dim3 block, int sharedBytes, Dim3 cluster, in TArgs args) where TArgs : unmanaged
    {
        if (!Prepare(kernel, sharedBytes)) return;
        TArgs copy = args;
        void* parameter = &copy;
        var attributes = stackalloc LaunchAttribute[2];
        var config = Config(grid, block, sharedBytes);
        config.Attributes = attributes;
        if (kernels!.StartEarly)
            attributes[config.AttributeCount++] = new() { Id = LaunchAttributeId.ProgrammaticStreamSerialization, Value = 1 };
        if (cluster.X > 0)
        {
            attributes[config.AttributeCount++] = new()
            {
                Id = LaunchAttributeId.ClusterDimension,
                X = (uint)cluster.X,
                Y = (uint)cluster.Y,
                Z = (uint)cluster.Z,
            };
        }

        int result = cuLaunchKernelEx(&config, kernel.Function, &parameter, null);
        if (result != 0) throw Failure(result, kernel.ToString());
    }

    /// <summary>Queues a kernel of as many blocks of <paramref name="threads"/> as give each of <paramref name="count"/> items a
    /// thread.</summary>
    public void LaunchEach<TArgs>(Kernel kernel, long count, int threads, in TArgs args) where TArgs : unmanaged =>
        Launch(kernel, checked((int)((count + threads - 1) / threads)), threads, sharedBytes: 0, in args);

    /// <summary>Queues a kernel that goes over <paramref name="count"/> elements in strides of the grid, <paramref name="width"/> at
    /// once.</summary>
    public void LaunchStrided<TArgs>(Kernel kernel, long count, int width, in TArgs args, int gridY = 1) where TArgs : unmanaged
    {
        long perBlock = (long)ElementThreads * width;
        long blocks = Math.Clamp((count + perBlock - 1) / perBlock, 1, (long)device.Multiprocessors * BlocksPerMultiprocessor);
        Launch(kernel, new Dim3((int)blocks, gridY), ElementThreads, sharedBytes: 0, in args);
    }

    /// <summary>Whether the device has room for the clusters of a kernel, which may be of more than the 8 blocks that are always
    /// allowed.</summary>
    public bool FitsCluster(Kernel kernel, Dim3 grid, Dim3 block, int sharedBytes)
    {
        if (!Prepare(kernel, sharedBytes)) return false;
        var config = Config(grid, block, sharedBytes);
        int clusters = 0;
        return cuFuncSetAttribute(kernel.Function, FunctionAttribute.NonPortableClusterSizeAllowed, 1) == 0
            && cuOccupancyMaxActiveClusters(&clusters, kernel.Function, &config) == 0 && clusters > 0;
    }

    /// <summary>Queues the clearing of a tensor.</summary>
    public void Zero(Tensor tensor)
    {
        _counted++;
        if (context is null) return;
        context.MakeCurrent();
        Check(cuMemsetD8Async(tensor.Address, 0, (nuint)tensor.LengthBytes, context.Stream));
    }

    /// <summary>A launch on the backend's stream, without attributes.</summary>
    private LaunchConfig Config(Dim3 grid, Dim3 block, int sharedBytes) => new()
    {
        GridX = (uint)grid.X,
        GridY = (uint)grid.Y,
        GridZ = (uint)grid.Z,
        BlockX = (uint)block.X,
        BlockY = (uint)block.Y,
        BlockZ = (uint)block.Z,
        SharedBytes = (uint)sharedBytes,
        Stream = context!.Stream,
    };

    /// <summary>Binds a kernel to the device and requests its shared memory; returns false if memory is only counted.</summary>
    private bool Prepare(Kernel kernel, int sharedBytes)
    {
        if (sharedBytes > maxSharedBytes)
            throw new InvalidOperationException($"{kernel} asks for {sharedBytes} bytes of shared memory; a block has {maxSharedBytes}.");
        Launched?.Invoke(kernel, sharedBytes);
        _counted++;
        if (context is null) return false;
        context.MakeCurrent();
        if (kernel.Function == 0) kernel.Function = kernels!.Function(kernel.File, kernel.Name);
        if (sharedBytes <= kernel.MaxSharedBytes) return true;
        Check(cuFuncSetAttribute(kernel.Function, FunctionAttribute.MaxDynamicSharedSizeBytes, sharedBytes));
        kernel.MaxSharedBytes = sharedBytes;
        return true;
    }
}
