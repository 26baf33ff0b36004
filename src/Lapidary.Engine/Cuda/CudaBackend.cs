using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Lapidary.Engine.Cuda.Compilation;
using Lapidary.Engine.Cuda.Device;
using Lapidary.Engine.Cuda.Products;
using Lapidary.Engine.Memory;
using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine;

/// <summary>The backend of NVIDIA GPUs of compute capability 8.0 and above: bf16 activations, kernels compiled for the card at hand,
/// products by cuBLASLt.</summary>
/// <remarks>
/// <para>Each operation has a file of its own, CudaBackend.&lt;Op&gt;.cs, with its kernels in Kernels/&lt;op&gt;.cu. All work goes to one
/// stream, in order; only <see cref="Read{T}"/> waits for it.</para>
/// <para>Needs a driver, NVRTC and cuBLASLt, and no CUDA header: see <see cref="CudaLibraries"/>.</para>
/// </remarks>
public sealed unsafe partial class CudaBackend : IBackend
{
    private readonly CudaContext? _context;
    private readonly Allocator _memory;
    private readonly KernelLibrary? _kernels;
    private readonly Scratch _scratch;
    private readonly nint _stream;
    private bool _isCapturing;

    /// <summary>Creates the backend on a device.</summary>
    /// <param name="device">Ordinal of the device, from 0.</param>
    /// <exception cref="LapidaryException">There is no such device, it is too old, or a library is missing; the message says what to
    /// install.</exception>
    public CudaBackend(int device = 0)
    {
        Device = Require(device);
        _context = new CudaContext(Device);
        _stream = _context.Stream;
        _memory = new CudaAllocator(_context);
        _scratch = new Scratch(_memory);
        var cache = KernelCache.Default();
        _kernels = new KernelLibrary(Device.ComputeCapability, cache);
        _products = new MatrixProducts(_context, _memory, cache, Device.Name);
    }

    /// <summary>A counter: without a context there is no device to work on.</summary>
    private CudaBackend(CudaDevice device)
    {
        Device = device;
        _memory = new CountingAllocator();
        _scratch = new Scratch(_memory);
        _products = new MatrixProducts(context: null, _memory, new KernelCache(folder: null), device.Name);
    }

    /// <summary>A backend that computes nothing and only counts memory, of a device that need not be here; see
    /// <see cref="CreateCounter()"/>.</summary>
    /// <param name="device">The device, null for one like an H100.</param>
    public static CudaBackend CreateCounter(CudaDevice? device) => new(device ?? CudaDevice.Assumed);

    /// <inheritdoc/>
    public IBackend CreateCounter() => CreateCounter(Device);

    /// <summary>The device.</summary>
    public CudaDevice Device { get; }

    /// <inheritdoc/>
    public string Description => string.Create(
        CultureInfo.InvariantCulture,
        $"{Device.Name}{(Device.MemoryBytes > 0 ? $", {ByteSize.Format(Device.MemoryBytes)}" : "")}, compute capability {Device.ComputeCapability}");

    /// <inheritdoc/>
    public DType ActivationDType => DType.BFloat16;

    /// <inheritdoc/>
    public long MaxLogitsBytes => LogitsMemory.MaxBytes;

    /// <inheritdoc/>
    public Allocator Memory => _memory;

    /// <inheritdoc/>
    public void Synchronize()
    {
        if (OnlyCounts) return;
        _context.MakeCurrent();
        Check(cuStreamSynchronize(_stream));
    }

    /// <inheritdoc/>
    public IReplay? Capture(Action work)
    {
        if (OnlyCounts) return null;
        _isCapturing = true;
        try
        {
            return new CudaGraph(_context, _scratch, work);
        }
        finally
        {
            _isCapturing = false;
        }
    }

    /// <summary>The first device that can be used, null where none can.</summary>
    public static int? FirstAvailable()
    {
        int device = 0, count = CudaDevice.Count();
        while (device < count && WhyUnavailable(device) is not null) device++;
        return device < count ? device : null;
    }

    /// <summary>Why a device cannot be used, in one line that says what to do; null where it can.</summary>
    public static string? WhyUnavailable(int device = 0)
    {
        try
        {
            Require(device);
            return null;
        }
        catch (LapidaryException reason)
        {
            return reason.Message;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _context?.MakeCurrent();
        _products.Dispose();
        _staging?.Dispose();
        _decodedWeights?.Dispose();
        _scratch.Dispose();
        _kernels?.Dispose();
        _context?.Dispose();
    }

    /// <summary>Whether addresses have no memory behind them: nothing is launched then, cleared or copied.</summary>
    [MemberNotNullWhen(false, nameof(_context), nameof(_kernels))]
    private bool OnlyCounts => _context is null;

    private static CudaDevice Require(int ordinal)
    {
        var device = CudaDevice.Get(ordinal);
        _ = CudaLibraries.Require(CudaLibrary.Nvrtc);
        _ = CudaLibraries.Require(CudaLibrary.CublasLt);
        return device;
    }

    private static (int Rows, int Dim) Rows(Tensor tensor)
    {
        var (rows, dim) = tensor.AsRows();
        return (checked((int)rows), dim);
    }
}
