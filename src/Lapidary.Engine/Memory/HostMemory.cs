using System.Globalization;
using Lapidary.Engine.Memory;

namespace Lapidary.Engine;

/// <summary>The memory of this machine.</summary>
public static class HostMemory
{
    private const string LinuxReport = "/proc/meminfo", LinuxAvailable = "MemAvailable:";

    /// <summary>Bytes that this process may use: the machine's, or its container's.</summary>
    public static long TotalBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Bytes that a process can get now, including file caches, which the system gives up on demand.</summary>
    public static long AvailableBytes
    {
        get
        {
            long? available = OperatingSystem.IsWindows() ? FreeMemory.OnWindows()
                : OperatingSystem.IsMacOS() ? FreeMemory.OnMac()
                : OnLinux();

            // The runtime knows the load only as of the last collection, and nothing before the first one.
            return available is { } bytes ? Math.Min(bytes, TotalBytes) : TotalBytes - GC.GetGCMemoryInfo().MemoryLoadBytes;
        }
    }

    private static long? OnLinux()
    {
        string? line = File.Exists(LinuxReport)
            ? File.ReadLines(LinuxReport).FirstOrDefault(line => line.StartsWith(LinuxAvailable, StringComparison.Ordinal))
            : null;
        string? kib = line?[LinuxAvailable.Length..].Trim().Split(' ')[0];
        return long.TryParse(kib, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number << 10 : null;
    }
}
