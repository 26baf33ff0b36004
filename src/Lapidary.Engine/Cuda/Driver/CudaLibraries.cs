using System.Reflection;
using System.Runtime.InteropServices;
using Lapidary.Engine.Cuda.Driver;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Finds and loads the native libraries of the CUDA backend, and reports missing ones.</summary>
public static unsafe class CudaLibraries
{
    internal const string DriverName = "lapidary-cuda-driver";
    internal const string NvrtcName = "lapidary-nvrtc";
    internal const string CublasLtName = "lapidary-cublaslt";
    internal const string NcclName = "lapidary-nccl";

    private const string MappedFiles = "/proc/self/maps";

    /// <summary>The oldest CUDA version that a driver must support, for stream capture and lazy loading.</summary>
    public static Version MinimumDriver { get; } = new(12, 0);

    /// <summary>The oldest supported NCCL. The settings of a communicator have their layout since 2.17, algorithms their names since
    /// 2.18.</summary>
    internal static Version MinimumNccl { get; } = new(2, 18);

    private static readonly Lazy<FoundLibrary?> Driver = new(() => Load(CudaLibrary.Driver, int.MaxValue));
    private static readonly Lazy<FoundLibrary?> NvrtcLibrary = new(() => Load(CudaLibrary.Nvrtc, NewestMajor()));
    private static readonly Lazy<FoundLibrary?> CublasLtLibrary = new(() => Load(CudaLibrary.CublasLt, NewestMajor()));
    private static readonly Lazy<FoundLibrary?> NcclLibrary = new(() => Load(CudaLibrary.Nccl, NewestMajor()));
    private static readonly Lazy<bool> Resolver = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(CudaLibraries).Assembly, Resolve);
        return true;
    });

    /// <summary>All libraries found, for "doctor".</summary>
    public static IReadOnlyList<FoundLibrary> Find() => [.. Enum.GetValues<CudaLibrary>().Select(Find).OfType<FoundLibrary>()];

    /// <summary>A library, or null if it is missing.</summary>
    public static FoundLibrary? Find(CudaLibrary library) => library switch
    {
        CudaLibrary.Driver => Driver.Value,
        CudaLibrary.Nvrtc => NvrtcLibrary.Value,
        CudaLibrary.CublasLt => CublasLtLibrary.Value,
        _ => NcclLibrary.Value,
    };

    /// <summary>One line that says what to do about a missing library.</summary>
    public static string HowToInstall(CudaLibrary library) => library switch
    {
        CudaLibrary.Driver =>
            "No NVIDIA driver was found (libcuda.so.1 or nvcuda.dll): install NVIDIA's driver, version 525 or newer, or set device to cpu.",
        CudaLibrary.Nvrtc =>
            "NVRTC, CUDA's run-time compiler, was not found: install the CUDA toolkit 12 or 13, or 'pip install nvidia-cuda-nvrtc-cu12', "
            + "and set LD_LIBRARY_PATH or CUDA_PATH if it lies in an unusual place; or set device to cpu.",
        CudaLibrary.CublasLt =>
            "cuBLASLt, CUDA's matrix products, was not found: install the CUDA toolkit 12 or 13, or 'pip install nvidia-cublas-cu12', "
            + "and set LD_LIBRARY_PATH or CUDA_PATH if it lies in an unusual place; or set device to cpu.",
        _ when OperatingSystem.IsWindows() =>
            "NCCL, which several GPUs exchange tensors with, exists for Linux only: install Linux, or set device to cuda:0, "
            + "which needs no NCCL.",
        _ =>
            "NCCL, which several GPUs exchange tensors with, was not found: install NVIDIA's package libnccl2 or 'pip install "
            + $"nvidia-nccl-cu12', version {MinimumNccl} or newer, and set LD_LIBRARY_PATH if it lies in an unusual place; "
            + "or set device to cuda:0, which needs no NCCL.",
    };

    /// <summary>The library; throws if it is missing.</summary>
    /// <exception cref="LapidaryException">It is missing; the message says what to install.</exception>
    public static FoundLibrary Require(CudaLibrary library) => Find(library) ?? throw new LapidaryException(HowToInstall(library));

    /// <summary>Refuses an NCCL older than <see cref="MinimumNccl"/>.</summary>
    internal static FoundLibrary RequireNew(FoundLibrary nccl) => nccl.Version >= MinimumNccl
        ? nccl
        : throw new LapidaryException(
            $"NCCL {nccl.Version} ({nccl.Path}) is too old: install version {MinimumNccl} or newer of NVIDIA's package "
            + "libnccl2, or set device to cuda:0, which needs no NCCL.");

    /// <summary>Refuses a driver older than <see cref="MinimumDriver"/>.</summary>
    /// <param name="version">The newest CUDA that the driver supports.</param>
    internal static void RequireDriver(Version version)
    {
        if (version < MinimumDriver)
        {
            throw new LapidaryException(
                $"The NVIDIA driver supports CUDA {version}; {MinimumDriver} or newer is needed: update it, or set device to cpu.");
        }
    }

    /// <summary>Lets this assembly's imports find their libraries; called before the first of them.</summary>
    internal static void Register() => _ = Resolver.Value;

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name switch
    {
        DriverName => Require(CudaLibrary.Driver).Handle,
        NvrtcName => Require(CudaLibrary.Nvrtc).Handle,
        CublasLtName => Require(CudaLibrary.CublasLt).Handle,
        NcclName => Require(CudaLibrary.Nccl).Handle,
        _ => 0,
    };

    /// <summary>The driver's CUDA major version. Without a driver any version is accepted, for compiling only.</summary>
    private static int NewestMajor() => Find(CudaLibrary.Driver)?.Version.Major ?? int.MaxValue;

    private static FoundLibrary? Load(CudaLibrary library, int newestMajor)
    {
        FoundLibrary? old = null;
        foreach (string candidate in LibrarySearch.Machine.Candidates(library, newestMajor))
        {
            if (!NativeLibrary.TryLoad(candidate, out nint handle) || VersionOf(library, handle) is not { } version) continue;
            var found = new FoundLibrary(library, PlaceOf(candidate), version) { Handle = handle };
            // A system's old NCCL may stand before a new one in a Python environment: all have the same file name.
            if (library != CudaLibrary.Nccl || version >= MinimumNccl) return found;
            old ??= found;
        }

        return old;
    }

    /// <summary>Path of a library that the system found by its name, if the system reports it.</summary>
    private static string PlaceOf(string candidate) =>
        !Path.IsPathRooted(candidate) && File.Exists(MappedFiles)
            ? LibrarySearch.MappedPath(File.ReadLines(MappedFiles), candidate) ?? candidate
            : candidate;

    /// <summary>Asks the loaded library; null if it is not what its name says.</summary>
    private static Version? VersionOf(CudaLibrary library, nint handle)
    {
        switch (library)
        {
            case CudaLibrary.Driver when NativeLibrary.TryGetExport(handle, "cuDriverGetVersion", out nint function):
                int number;
                return ((delegate* unmanaged<int*, int>)function)(&number) == 0 ? new Version(number / 1000, number % 1000 / 10) : null;
            case CudaLibrary.Nvrtc when NativeLibrary.TryGetExport(handle, "nvrtcVersion", out nint function):
                int major, minor;
                return ((delegate* unmanaged<int*, int*, int>)function)(&major, &minor) == 0 ? new Version(major, minor) : null;
            case CudaLibrary.CublasLt when NativeLibrary.TryGetExport(handle, "cublasLtGetVersion", out nint function):
                // 11501 is 11.5.1; since version 12 the numbers have two digits each: 120103 is 12.1.3.
                int value = (int)((delegate* unmanaged<nuint>)function)(), unit = value >= 100_000 ? 10_000 : 1000;
                return new Version(value / unit, value % unit / 100, value % 100);
            case CudaLibrary.Nccl when NativeLibrary.TryGetExport(handle, "ncclGetVersion", out nint function):
                int code;
                return ((delegate* unmanaged<int*, int>)function)(&code) == 0 ? NcclVersion(code) : null;
            default:
                return null;
        }
    }

    /// <summary>A version from NCCL's number: 2804 is 2.8.4, and since 2.9 the minor number has two digits: 22703 is 2.27.3.</summary>
    internal static Version NcclVersion(int code)
    {
        int unit = code >= 10_000 ? 10_000 : 1000;
        return new Version(code / unit, code % unit / 100, code % 100);
    }
}
