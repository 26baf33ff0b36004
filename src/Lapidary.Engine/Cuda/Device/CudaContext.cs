using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Cuda.Device;

/// <summary>The primary context of a device, shared with other CUDA code of the process, and the one stream of a backend.</summary>
internal sealed unsafe class CudaContext : IDisposable
{
    [ThreadStatic]
    private static CudaContext? _current;

    private readonly int _device;
    private readonly nint _handle;
    private readonly nint _stream;

    public CudaContext(CudaDevice device)
    {
        _device = device.Handle;
        nint handle, stream;
        Check(cuDevicePrimaryCtxRetain(&handle, _device));
        _handle = handle;
        MakeCurrent();
        Check(cuStreamCreate(&stream, StreamNonBlocking));
        _stream = stream;
    }

    /// <summary>CUdevice.</summary>
    public int Device => _device;

    /// <summary>CUstream.</summary>
    public nint Stream => _stream;

    /// <summary>How often it was made current: increases with all work that is queued on its stream.</summary>
    public long Calls { get; private set; }

    /// <summary>Makes this the calling thread's context, before each call to the driver: a backend may be used from any thread, one at a
    /// time.</summary>
    public void MakeCurrent()
    {
        Calls++;
        if (_current == this) return;
        Check(cuCtxSetCurrent(_handle));
        _current = this;
    }

    /// <summary>Free and total bytes of the device.</summary>
    public (long Free, long Total) MemoryInfo()
    {
        MakeCurrent();
        nuint free, total;
        Check(cuMemGetInfo(&free, &total));
        return ((long)free, (long)total);
    }

    public void Dispose()
    {
        MakeCurrent();
        Check(cuStreamDestroy(_stream));
        _current = null;
        Check(cuDevicePrimaryCtxRelease(_device));
    }
}
