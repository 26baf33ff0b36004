using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lapidary.Formats;

namespace Lapidary.Engine.Cuda.Driver;

/// <summary>Attributes of a device that the backend reads: CUdevice_attribute.</summary>
internal enum DeviceAttribute
{
    MultiprocessorCount = 16,
    L2CacheSize = 38,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
    MaxSharedMemoryPerBlockOptin = 97,
    VirtualMemoryManagementSupported = 102,
}

/// <summary>Attributes of a pair of devices: CUdevice_P2PAttribute.</summary>
internal enum PeerAttribute
{
    AccessSupported = 2,
    NativeAtomicSupported = 3,
}

/// <summary>Attributes of a kernel: CUfunction_attribute.</summary>
internal enum FunctionAttribute
{
    MaxDynamicSharedSizeBytes = 8,
    NonPortableClusterSizeAllowed = 14,
}

/// <summary>The used part of the CUDA driver API. Handles are <see cref="nint"/>, results are CUresult, 0 for success.</summary>
internal static unsafe partial class CudaDriver
{
    /// <summary>CU_STREAM_NON_BLOCKING: no implicit order with other code's default stream.</summary>
    public const uint StreamNonBlocking = 1;

    /// <summary>CU_MEMHOSTALLOC_PORTABLE: the memory belongs to the contexts of all devices.</summary>
    public const uint HostAllocPortable = 1;

    /// <summary>CU_MEMHOSTALLOC_DEVICEMAP: kernels may read the memory, at the address it has on the host.</summary>
    public const uint HostAllocDeviceMap = 2;

    /// <summary>CU_EVENT_DISABLE_TIMING.</summary>
    public const uint EventDisableTiming = 2;

    /// <summary>CU_STREAM_WAIT_VALUE_GEQ: until the difference of the number there to the given one is not negative.</summary>
    public const uint WaitValueGreaterOrEqual = 0;

    /// <summary>CUDA_ERROR_NO_DEVICE.</summary>
    public const int NoDevice = 100;

    /// <summary>CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads may allocate while this one captures.</summary>
    public const int CaptureThreadLocal = 1;

    private const string Library = CudaLibraries.DriverName;

    static CudaDriver() => CudaLibraries.Register();

    /// <summary>Throws if a call failed; the message quotes the call.</summary>
    public static void Check(int result, [CallerArgumentExpression(nameof(result))] string call = "")
    {
        if (result != 0) throw Failure(result, call);
    }

    /// <summary>The error of a failed call.</summary>
    public static LapidaryException Failure(int result, string call) => new($"CUDA: {call} failed: {Describe(result)}.");

    /// <summary>"CUDA_ERROR_INVALID_VALUE (invalid argument)".</summary>
    public static string Describe(int result)
    {
        byte* name = null, text = null;
        _ = cuGetErrorName(result, &name);
        _ = cuGetErrorString(result, &text);
        return name is null ? $"error {result}" : $"{Marshal.PtrToStringUTF8((nint)name)} ({Marshal.PtrToStringUTF8((nint)text)})";
    }

    [LibraryImport(Library)]
    public static partial int cuGetErrorName(int result, byte** name);

    [LibraryImport(Library)]
    public static partial int cuGetErrorString(int result, byte** text);

    [LibraryImport(Library)]
    public static partial int cuInit(uint flags);

    /// <summary>1000 · major + 10 · minor of the newest CUDA that the driver supports.</summary>
    [LibraryImport(Library)]
    public static partial int cuDriverGetVersion(int* version);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetCount(int* count);

    [LibraryImport(Library)]
    public static partial int cuDeviceGet(int* device, int ordinal);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetName(byte* name, int capacity, int device);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetAttribute(int* value, DeviceAttribute attribute, int device);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetP2PAttribute(int* value, PeerAttribute attribute, int from, int to);

    /// <summary>The card's 16 bytes; two parts of one card (MIG) have the same.</summary>
    [LibraryImport(Library)]
    public static partial int cuDeviceGetUuid(byte* uuid, int device);

    [LibraryImport(Library, EntryPoint = "cuDeviceTotalMem_v2")]
    public static partial int cuDeviceTotalMem(nuint* lengthBytes, int device);

    [LibraryImport(Library)]
    public static partial int cuDevicePrimaryCtxRetain(nint* context, int device);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
    public static partial int cuDevicePrimaryCtxRelease(int device);

    [LibraryImport(Library)]
    public static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(Library, EntryPoint = "cuMemGetInfo_v2")]
    public static partial int cuMemGetInfo(nuint* free, nuint* total);

    [LibraryImport(Library, EntryPoint = "cuMemAlloc_v2")]
    public static partial int cuMemAlloc(nint* address, nuint lengthBytes);

    [LibraryImport(Library, EntryPoint = "cuMemFree_v2")]
    public static partial int cuMemFree(nint address);

    [LibraryImport(Library)]
    public static partial int cuMemHostAlloc(void** address, nuint lengthBytes, uint flags);

    [LibraryImport(Library)]
    public static partial int cuMemFreeHost(void* address);

    [LibraryImport(Library, EntryPoint = "cuMemcpyHtoDAsync_v2")]
    public static partial int cuMemcpyHtoDAsync(nint destination, void* source, nuint lengthBytes, nint stream);

    /// <summary>Also between devices that reach each other; a copy engine of the stream's device does it.</summary>
    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoDAsync_v2")]
    public static partial int cuMemcpyDtoDAsync(nint destination, nint source, nuint lengthBytes, nint stream);

    [LibraryImport(Library, EntryPoint = "cuMemcpyDtoHAsync_v2")]
    public static partial int cuMemcpyDtoHAsync(void* destination, nint source, nuint lengthBytes, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemsetD8Async(nint destination, byte value, nuint lengthBytes, nint stream);

    [LibraryImport(Library)]
    public static partial int cuStreamCreate(nint* stream, uint flags);

    [LibraryImport(Library, EntryPoint = "cuStreamDestroy_v2")]
    public static partial int cuStreamDestroy(nint stream);

    [LibraryImport(Library)]
    public static partial int cuStreamSynchronize(nint stream);

    [LibraryImport(Library)]
    public static partial int cuStreamQuery(nint stream);

    [LibraryImport(Library)]
    public static partial int cuStreamWaitEvent(nint stream, nint handle, uint flags);

    /// <summary>Queues the writing of a number, which all devices see after the stream's earlier work.</summary>
    [LibraryImport(Library, EntryPoint = "cuStreamWriteValue32_v2")]
    public static partial int cuStreamWriteValue32(nint stream, nint address, uint value, uint flags);

    /// <summary>Queues a wait for a number.</summary>
    [LibraryImport(Library, EntryPoint = "cuStreamWaitValue32_v2")]
    public static partial int cuStreamWaitValue32(nint stream, nint address, uint value, uint flags);

    [LibraryImport(Library)]
    public static partial int cuEventCreate(nint* handle, uint flags);

    [LibraryImport(Library, EntryPoint = "cuEventDestroy_v2")]
    public static partial int cuEventDestroy(nint handle);

    [LibraryImport(Library)]
    public static partial int cuEventRecord(nint handle, nint stream);

    [LibraryImport(Library)]
    public static partial int cuEventSynchronize(nint handle);

    [LibraryImport(Library)]
    public static partial int cuEventElapsedTime(float* milliseconds, nint start, nint end);

    [LibraryImport(Library)]
    public static partial int cuModuleLoadData(nint* module, void* image);

    [LibraryImport(Library)]
    public static partial int cuModuleUnload(nint module);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int cuModuleGetFunction(nint* function, nint module, string name);

    [LibraryImport(Library)]
    public static partial int cuFuncSetAttribute(nint function, FunctionAttribute attribute, int value);

    [LibraryImport(Library)]
    public static partial int cuOccupancyMaxActiveClusters(int* clusters, nint function, LaunchConfig* config);

    /// <summary>Describes a matrix for copies of boxes; <paramref name="map"/> must be aligned to 64 bytes. Since CUDA 12.</summary>
    [LibraryImport(Library)]
    public static partial int cuTensorMapEncodeTiled(
        ulong* map, int dataType, uint rank, nint address, ulong* dims, ulong* strides, uint* box, uint* elementStrides, int interleave,
        int swizzle, int promotion, int fill);

    [LibraryImport(Library)]
    public static partial int cuLaunchKernelEx(LaunchConfig* config, nint function, void** parameters, void** extra);

    [LibraryImport(Library, EntryPoint = "cuStreamBeginCapture_v2")]
    public static partial int cuStreamBeginCapture(nint stream, int mode);

    [LibraryImport(Library)]
    public static partial int cuStreamEndCapture(nint stream, nint* graph);

    [LibraryImport(Library)]
    public static partial int cuGraphInstantiateWithFlags(nint* executable, nint graph, ulong flags);

    [LibraryImport(Library)]
    public static partial int cuGraphLaunch(nint executable, nint stream);

    [LibraryImport(Library)]
    public static partial int cuGraphExecDestroy(nint executable);

    [LibraryImport(Library)]
    public static partial int cuGraphDestroy(nint graph);
}
