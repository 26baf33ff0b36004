using System.Runtime.InteropServices;

namespace Lapidary.Formats.Safetensors;

/// <summary>Gives the memory of mapped file pages back once they have been read, so that going through a checkpoint tensor by tensor needs
/// memory for one tensor, not for the file. A hint: the pages come back from the file when they are touched again.</summary>
internal static partial class MappedPages
{
    private const int DontNeed = 4; // MADV_DONTNEED

    /// <summary>Lets go of the whole pages in the range; does nothing on systems without madvise.</summary>
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
