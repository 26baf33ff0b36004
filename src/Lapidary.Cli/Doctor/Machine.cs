using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Lapidary.Formats.Files;

namespace Lapidary.Cli.Doctor;

/// <summary>What the machine is.</summary>
internal static class Machine
{
    private const string SharedMemory = "/dev/shm";

    /// <summary>The processor's name, where the system tells.</summary>
    public static string CpuName =>
        LineOf("/proc/cpuinfo", "model name") ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? "unknown";

    /// <summary>Instruction sets that the kernels use.</summary>
    public static IReadOnlyList<string> Features =>
    [
        .. new (string Name, bool IsSupported)[]
        {
            ("AVX2", Avx2.IsSupported), ("FMA", Fma.IsSupported), ("AVX-512F", Avx512F.IsSupported), ("AVX-512BW", Avx512BW.IsSupported),
            ("NEON", AdvSimd.IsSupported),
        }.Where(feature => feature.IsSupported).Select(feature => feature.Name),
    ];

    /// <summary>Whether files can be made in a folder.</summary>
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

    /// <summary>Size of the memory that processes share by files, null where there is none such. NCCL maps some megabytes of it for each
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

    private static string? LineOf(string file, string key)
    {
        if (!File.Exists(file)) return null;
        string? line = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal));
        return line?[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }
}
