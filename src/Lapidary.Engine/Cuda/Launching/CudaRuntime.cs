using System.Diagnostics.CodeAnalysis;
using Lapidary.Engine.Cuda.Compilation;
using Lapidary.Engine.Cuda.Device;
using Lapidary.Engine.Cuda.Products;
using Lapidary.Engine.Memory;
using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Launching;

/// <summary>Shared by the operations of a backend: the device with its one stream, memory and scratch, the kernel launcher and the matrix
/// products.</summary>
internal sealed class CudaRuntime : IDisposable
{
    /// <summary>Most attempts at a capture. Other threads load each kernel once.</summary>
    private const int MaxCaptures = 100;

    private readonly KernelLibrary? _kernels;

    /// <summary>Opens a device, compiles its kernels or takes them from the cache, and sets cuBLASLt up.</summary>
    public CudaRuntime(CudaDevice device, KernelThresholds thresholds, DType? activations)
    {
        (Device, Thresholds, ActivationDType) = (device, thresholds, device.Checked(activations));
        Context = new CudaContext(device);
        Memory = new CudaAllocator(Context);
        Scratch = new Scratch(Memory);
        var cache = KernelCache.Default();
        var target = thresholds.Architecture is { } architecture
            ? new KernelTarget(architecture, ActivationDType)
            : KernelTarget.For(
                device.ComputeCapability, KernelCompiler.Version, KernelCompiler.SupportedArchitectures(), ActivationDType);
        _kernels = new KernelLibrary(target, cache);
        Products = new MatrixProducts(Context, Memory, cache, device.Name, ActivationDType);
        Launcher = new Launcher(device, SharedBytes, Context, _kernels);
    }

    /// <summary>Only counts memory: it has no context and loads no CUDA library.</summary>
    private CudaRuntime(CudaDevice device, DType? activations)
    {
        (Device, Thresholds, ActivationDType) = (device, new KernelThresholds(), device.Checked(activations));
        Memory = new CountingAllocator();
        Scratch = new Scratch(Memory);
        Products = new MatrixProducts(context: null, Memory, new KernelCache(folder: null), device.Name, ActivationDType);
        Launcher = new Launcher(device, SharedBytes, context: null, kernels: null);
    }

    /// <summary>A runtime that computes nothing and only counts memory, for a device that need not be installed.</summary>
    public static CudaRuntime OfCounter(CudaDevice device, DType? activations) => new(device, activations);

    /// <summary>The device.</summary>
    public CudaDevice Device { get; }

    /// <summary>Type of activations, of 16 bits.</summary>
    public DType ActivationDType { get; }

    /// <summary>Type of the residual stream; fp32 beside fp16.</summary>
    public DType ResidualDType => ActivationDType == DType.Float16 ? DType.Float32 : ActivationDType;

    /// <summary>What factors of products that come of LoRA's B are multiplied by, and what meets them is divided by, as common.cuh has it:
    /// B begins at 0, and fp16 has few small numbers.</summary>
    public float FactorOfB => ActivationDType == DType.Float16 ? 64 : 1;

    /// <summary>Where the choice between kernels changes.</summary>
    public KernelThresholds Thresholds { get; }

    /// <summary>The largest shared memory of a block.</summary>
    public int SharedBytes => Thresholds.SharedBytes ?? Device.MaxSharedBytesPerBlock;

    /// <summary>Whether the kernels may run in clusters of blocks.</summary>
    public bool HasClusters => _kernels is null ? Device.ComputeCapability.Major >= 9 : _kernels.HasClusters;

    /// <summary>Whether the kernels have products of warpgroups.</summary>
    public bool HasWarpgroups => _kernels is null
        ? Device.ComputeCapability.Number == KernelTarget.WithWarpgroups
        : _kernels.HasWarpgroups;

    /// <summary>The device's context and stream; null if memory is only counted.</summary>
    public CudaContext? Context { get; }

    /// <summary>Whether addresses have no memory. Nothing is then launched, cleared or copied.</summary>
    [MemberNotNullWhen(false, nameof(Context))]
    public bool OnlyCounts => Context is null;

    /// <summary>The device's memory.</summary>
    public Allocator Memory { get; }

    /// <summary>Scratch of operations.</summary>
    public Scratch Scratch { get; }

    /// <summary>Bytes of <paramref name="count"/> activations.</summary>
    public long ActivationBytes(long count) => ActivationDType.LengthBytes(count);

    /// <summary>Queues kernels.</summary>
    public Launcher Launcher { get; }

    /// <summary>Queues matrix products.</summary>
    public MatrixProducts Products { get; }

    /// <summary>Whether queued work is being captured instead of run.</summary>
    public bool IsCapturing { get; private set; }

    /// <summary>Captures the work that <paramref name="work"/> queues; null if memory is only counted.</summary>
    /// <remarks>A kernel that another thread loads at that moment synchronizes the device's context, which ends the capture. Then it is
    /// tried again.</remarks>
    public CudaGraph? Capture(Action work)
    {
        if (OnlyCounts) return null;
        IsCapturing = true;
        try
        {
            for (int attempt = 1; ; attempt++)
            {
                try
                {
                    return new CudaGraph(Context, Scratch, work);
                }
                catch (LapidaryException e) when (attempt < MaxCaptures && CudaGraph.WasInvalidated(e))
                {
                    // The work queued nothing.
                }
            }
        }
        finally
        {
            IsCapturing = false;
            Context.MakeCurrent(); // what was captured has not run: it does not stand before later work
        }
    }

    /// <summary>Waits until all queued work is done.</summary>
    public void Synchronize()
    {
        if (OnlyCounts) return;
        Context.MakeCurrent();
        Check(cuStreamSynchronize(Context.Stream));
    }

    public void Dispose()
    {
        Context?.MakeCurrent();
        Products.Dispose();
        Scratch.Dispose();
        _kernels?.Dispose();
        Context?.Dispose();
    }
}
