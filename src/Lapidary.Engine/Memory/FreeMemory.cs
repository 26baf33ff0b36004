using System.Runtime.InteropServices;

namespace Lapidary.Engine.Memory;

/// <summary>Free memory as Windows and macOS report it; null where the call fails.</summary>
internal static unsafe partial class FreeMemory
{
    // mach/host_info.h and mach/vm_statistics.h: HOST_VM_INFO64, and its structure in units of four bytes.
    private const int VmInfo64 = 4, VmInfo64Count = 38, Success = 0;

    // Fields of vm_statistics64 in units of four bytes. free_count includes the speculative pages.
    private const int FreeCount = 0, InactiveCount = 2;

    /// <summary>ullAvailPhys of MEMORYSTATUSEX: free and standby pages.</summary>
    public static long? OnWindows()
    {
        var status = new MemoryStatus { Length = (uint)sizeof(MemoryStatus) };
        return GlobalMemoryStatusEx(&status) != 0 ? (long)status.AvailablePhysical : null;
    }

    /// <summary>Free and inactive pages.</summary>
    public static long? OnMac()
    {
        uint* statistics = stackalloc uint[VmInfo64Count];
        uint count = VmInfo64Count;
        nuint pageBytes;
        uint host = HostSelf();
        return HostPageSize(host, &pageBytes) == Success && HostStatistics64(host, VmInfo64, statistics, &count) == Success
            ? ((long)statistics[FreeCount] + statistics[InactiveCount]) * (long)pageBytes
            : null;
    }

    [LibraryImport("kernel32")]
    private static partial int GlobalMemoryStatusEx(MemoryStatus* status);

    [LibraryImport("libSystem", EntryPoint = "mach_host_self")]
    private static partial uint HostSelf();

    [LibraryImport("libSystem", EntryPoint = "host_page_size")]
    private static partial int HostPageSize(uint host, nuint* bytes);

    [LibraryImport("libSystem", EntryPoint = "host_statistics64")]
    private static partial int HostStatistics64(uint host, int flavor, uint* statistics, uint* count);

    /// <summary>MEMORYSTATUSEX.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MemoryStatus
    {
        public uint Length, Load;
        public ulong TotalPhysical, AvailablePhysical, TotalPageFile, AvailablePageFile, TotalVirtual, AvailableVirtual, AvailableExtended;
    }
}
