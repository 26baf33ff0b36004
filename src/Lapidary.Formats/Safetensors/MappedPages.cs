using System.Runtime.InteropServices;

namespace Lapidary.Formats.Safetensors;

/// <summary>Releases the memory of mapped file pages after reading, so that a pass over a checkpoint needs memory for one tensor, not for
/// the file. This is a hint: the system reads the pages again when they are touched.</summary>
internal static partial class MappedPages
{
    private const int DontNeed = 4; // MADV_DONTNEED

    /// <summary>Releases the whole pages in the range; does nothing on systems without madvise.</summary>
    public static void Release(nint address, long lengthBytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        nint page = Environment.SystemPageSize;
        nint first = (address + page - 1) / page * page, end = (address + (nint)lengthBytes) / page * page;
        if (end > first) _ = Advise(first, (nuint)(end - first), DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint length, int advice);
}
