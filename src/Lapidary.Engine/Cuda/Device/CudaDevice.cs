using System.Text;
using Lapidary.Engine.Cuda.Device;
using Lapidary.Engine.Cuda.Driver;
using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine;

/// <summary>An NVIDIA GPU of this machine.</summary>
public sealed unsafe record CudaDevice
{
    private CudaDevice()
    {
    }

    private CudaDevice(int ordinal, int handle)
    {
        (Ordinal, Handle) = (ordinal, handle);
        byte* name = stackalloc byte[256];
        Check(cuDeviceGetName(name, 256, handle));
        Name = Encoding.UTF8.GetString(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name));
        nuint memory;
        Check(cuDeviceTotalMem(&memory, handle));
        MemoryBytes = (long)memory;
        ComputeCapability = new ComputeCapability(
            Attribute(DeviceAttribute.ComputeCapabilityMajor), Attribute(DeviceAttribute.ComputeCapabilityMinor));
        Multiprocessors = Attribute(DeviceAttribute.MultiprocessorCount);
        MaxSharedBytesPerBlock = Attribute(DeviceAttribute.MaxSharedMemoryPerBlockOptin);
        L2Bytes = Attribute(DeviceAttribute.L2CacheSize);
    }

    /// <summary>Its number in the driver's order, as in cuda:N.</summary>
    public int Ordinal { get; }

    /// <summary>Marketing name.</summary>
    public string Name { get; private init; } = "";

    /// <summary>All of its memory.</summary>
    public long MemoryBytes { get; private init; }

    /// <summary>Its compute capability.</summary>
    public ComputeCapability ComputeCapability { get; internal init; }

    /// <summary>The type of activations that a backend takes if it is told none: bf16 if the tensor cores multiply it, else
    /// fp16.</summary>
    public DType ActivationDType => ComputeCapability >= ComputeCapability.MinimumOfBFloat16 ? DType.BFloat16 : DType.Float16;

    /// <summary>Number of multiprocessors.</summary>
    public int Multiprocessors { get; private init; }

    /// <summary>Largest shared memory of a block, in bytes.</summary>
    public int MaxSharedBytesPerBlock { get; internal init; }

    /// <summary>Size of the L2 cache.</summary>
    public int L2Bytes { get; private init; }

    /// <summary>CUdevice.</summary>
    internal int Handle { get; }

    /// <summary>The device that a plan assumes if none is installed: with the limits of an H100, on which the choice of kernels depends.
    /// The plan sets its memory.</summary>
    internal static CudaDevice Assumed { get; } = new()
    {
        Name = "NVIDIA GPU",
        ComputeCapability = new ComputeCapability(9, 0),
        Multiprocessors = 132,
        MaxSharedBytesPerBlock = 227 << 10,
        L2Bytes = 50 << 20,
    };

    /// <summary>A device that need not be installed, to count memory for: with the limits of its kind.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="capability">Its compute capability, which says how much shared memory a block has.</param>
    /// <param name="multiprocessors">Their number.</param>
    /// <param name="memoryBytes">All of its memory.</param>
    public static CudaDevice Like(string name, ComputeCapability capability, int multiprocessors, long memoryBytes) => Assumed with
    {
        Name = name,
        ComputeCapability = capability,
        Multiprocessors = multiprocessors,
        MemoryBytes = memoryBytes,
        MaxSharedBytesPerBlock = 1024 * capability.Number switch
        {
            70 => 96,
            75 => 64,
            80 or 87 => 163,
            >= 90 and < 120 => 227,
            _ => 99,
        },
    };

    /// <summary>All devices, whether supported or not; empty without a driver or without devices.</summary>
    public static IReadOnlyList<CudaDevice> All() => [.. Enumerable.Range(0, Count()).Select(Open)];

    /// <summary>Number of devices; 0 without a driver.</summary>
    public static int Count()
    {
        int count;
        return CudaLibraries.Find(CudaLibrary.Driver) is not null && cuInit(0) == 0 && cuDeviceGetCount(&count) == 0 ? count : 0;
    }

    /// <summary>A device that the backend supports.</summary>
    /// <exception cref="LapidaryException">The driver is missing or too old, or the device does not exist or is too old.</exception>
    public static CudaDevice Get(int ordinal)
    {
        var driver = CudaLibraries.Require(CudaLibrary.Driver);
        int result = cuInit(0), count = 0;
        if (result is not (0 or NoDevice))
        {
            throw new LapidaryException(
                $"The NVIDIA driver does not start: {Describe(result)}. Check it with nvidia-smi, or set device to cpu.");
        }

        if (result == 0) Check(cuDeviceGetCount(&count));
        if (count == 0)
        {
            throw new LapidaryException(
                "The NVIDIA driver sees no GPU. Check with nvidia-smi and CUDA_VISIBLE_DEVICES, or set device to cpu.");
        }

        if ((uint)ordinal >= (uint)count)
        {
            string there = count == 1 ? "cuda:0 alone" : $"cuda:0 to cuda:{count - 1}";
            throw new LapidaryException($"There is no device cuda:{ordinal}: this machine has {there}.");
        }

        CudaLibraries.RequireDriver(driver.Version);
        var device = Open(ordinal);
        return device.WhyUnsupported() is { } reason
            ? throw new LapidaryException($"{reason} Use another device, or set device to cpu.")
            : device;
    }

    /// <summary>Why the backend cannot use this device, in one line; null if it can.</summary>
    public string? WhyUnsupported()
    {
        if (ComputeCapability >= ComputeCapability.Minimum) return null;
        string volta = ComputeCapability.Major == 7 ? " Its tensor cores need other kernels, and CUDA 12." : "";
        return $"{Name} has compute capability {ComputeCapability}; {ComputeCapability.Minimum} or above (Turing, 2018) is needed.{volta}";
    }

    /// <summary>Why the backend is slow on this device, in one line; null if it is not. Such a device is used where it is named, and in
    /// no other case.</summary>
    /// <remarks>A GTX 1660 Super was measured at a fiftieth of an RTX 2060 (tracel-ai/cubecl, pull request 1588), and cuBLAS on it at a
    /// fiftieth of that card's peak (pytorch, issue 121957).</remarks>
    public string? WhySlow() => TuringChips.LacksTensorCores(Name, ComputeCapability)
        ? $"{Name} has no tensor cores: products take some 50 times as long as on an RTX 2060, and a CPU may be faster."
        : null;

    /// <summary>A type of activations that the device can compute with.</summary>
    /// <param name="requested">BFloat16 or Float16; null for <see cref="ActivationDType"/>.</param>
    /// <exception cref="LapidaryException">It is another type, or the tensor cores do not multiply it.</exception>
    internal DType Checked(DType? requested) => requested switch
    {
        null => ActivationDType,
        DType.Float16 => DType.Float16,
        DType.BFloat16 when ActivationDType == DType.BFloat16 => DType.BFloat16,
        DType.BFloat16 => throw new LapidaryException(
            $"{Name} has compute capability {ComputeCapability}, whose tensor cores do not multiply bf16: "
            + $"{ComputeCapability.MinimumOfBFloat16} or above is needed. Leave the type to the card, or set it to float16."),
        _ => throw new LapidaryException($"A GPU computes in bfloat16 or float16, not in {requested}."),
    };

    /// <summary>How another device of this machine reaches this one.</summary>
    public CudaLink LinkTo(CudaDevice other)
    {
        int access, atomics;
        Check(cuDeviceGetP2PAttribute(&access, PeerAttribute.AccessSupported, Handle, other.Handle));
        if (access == 0) return CudaLink.Host;

        // Atomics between devices need NVLink, which the driver reports in no other way.
        Check(cuDeviceGetP2PAttribute(&atomics, PeerAttribute.NativeAtomicSupported, Handle, other.Handle));
        return atomics == 0 ? CudaLink.Pcie : CudaLink.NVLink;
    }

    /// <summary>Bytes of its memory that are free now.</summary>
    /// <exception cref="LapidaryException">The driver is too old, or the device refuses this process.</exception>
    public long FreeBytes()
    {
        CudaLibraries.RequireDriver(CudaLibraries.Require(CudaLibrary.Driver).Version);
        using var context = new CudaContext(this);
        return context.MemoryInfo().Free;
    }

    /// <summary>The card's own name, as nvidia-smi shows it: "GPU-" and 32 hexadecimal digits in five groups.</summary>
    internal string Uuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        fixed (byte* first = bytes) Check(cuDeviceGetUuid(first, Handle));
        return $"GPU-{new Guid(bytes, bigEndian: true)}";
    }

    private static CudaDevice Open(int ordinal)
    {
        int handle;
        Check(cuDeviceGet(&handle, ordinal));
        return new CudaDevice(ordinal, handle);
    }

    private int Attribute(DeviceAttribute attribute)
    {
        int value;
        Check(cuDeviceGetAttribute(&value, attribute, Handle));
        return value;
    }
}
