using System.Globalization;

namespace Lapidary.Engine;

/// <summary>The memory of this machine.</summary>
public static class HostMemory
{
    private const string LinuxReport = "/proc/meminfo", LinuxAvailable = "MemAvailable:";

    /// <summary>Bytes that this process may use: the machine's, or its container's.</summary>
    public static long TotalBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Bytes that are free now, caches of files included, which the system gives up when asked.</summary>
    public static long AvailableBytes
    {
        get
        {
            string? line = File.Exists(LinuxReport)
                ? File.ReadLines(LinuxReport).FirstOrDefault(line => line.StartsWith(LinuxAvailable, StringComparison.Ordinal))
                : null;
            string? kib = line?[LinuxAvailable.Length..].Trim().Split(' ')[0];
            return long.TryParse(kib, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                ? Math.Min(number << 10, TotalBytes)
                : TotalBytes - GC.GetGCMemoryInfo().MemoryLoadBytes;
        }
    }
}
