using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Doctor;

/// <summary>Describes the machine.</summary>
internal static partial class Machine
{
    private const string SharedMemory = "/dev/shm";

    private const string PciDevices = "/sys/bus/pci/devices", NvidiaVendor = "0x10de";

    /// <summary>The processor's name, if the system tells it. On arm64, Linux has no name in /proc, but may have the board's.</summary>
    public static string CpuName =>
        LineOf("/proc/cpuinfo", "model name") ?? TextOf("/proc/device-tree/model") ?? MacCpuName()
        ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";

    /// <summary>Whether an NVIDIA card is present, with or without a driver; null if the system does not tell.</summary>
    public static bool? HasNvidiaCard
    {
        get
        {
            try
            {
                return Directory.Exists(PciDevices) && Directory.EnumerateDirectories(PciDevices).ToArray() is { Length: > 0 } devices
                    ? devices.Any(device => TextOf(Path.Combine(device, "vendor")) == NvidiaVendor)
                    : null;
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                return null;
            }
        }
    }

    /// <summary>Instruction sets that the kernels use.</summary>
    public static IReadOnlyList<string> Features =>
    [
        .. new (string Name, bool IsSupported)[]
        {
            ("AVX2", Avx2.IsSupported), ("FMA", Fma.IsSupported), ("AVX-512F", Avx512F.IsSupported), ("AVX-512BW", Avx512BW.IsSupported),
            ("NEON", AdvSimd.IsSupported),
        }.Where(feature => feature.IsSupported).Select(feature => feature.Name),
    ];

    /// <summary>Whether files can be created in a folder.</summary>
    public static bool IsWritable(string folder)
    {
        try
        {
            string path = Path.Combine(folder, Path.GetRandomFileName());
            using var file = new FileStream(
                path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
            return true;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return false;
        }
    }

    /// <summary>Size of the shared memory that is mapped from files; null if the system has none. NCCL maps a few megabytes of it for each
    /// pair of GPUs.</summary>
    public static long? SharedMemoryBytes
    {
        get
        {
            try
            {
                return Directory.Exists(SharedMemory) ? new DriveInfo(SharedMemory).TotalSize : null;
            }
            catch (Exception e) when (FileErrors.IsFileSystem(e))
            {
                return null;
            }
        }
    }

    private static string? TextOf(string file)
    {
        try
        {
            return File.Exists(file) && File.ReadAllText(file).Trim('\0', '\n', ' ') is { Length: > 0 } text ? text : null;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            return null;
        }
    }

    private static unsafe string? MacCpuName()
    {
        const int MaxBytes = 256;
        if (!OperatingSystem.IsMacOS()) return null;
        byte* text = stackalloc byte[MaxBytes];
        nuint length = MaxBytes;
        return SystemControl("machdep.cpu.brand_string", text, &length, null, 0) == 0 && length > 1
            ? Encoding.UTF8.GetString(text, (int)length - 1) // without the zero at its end
            : null;
    }

    [LibraryImport("libc", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int SystemControl(string name, void* value, nuint* length, void* newValue, nuint newLength);

    private static string? LineOf(string file, string key)
    {
        if (!File.Exists(file)) return null;
        string? line = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal));
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
