using System.Runtime.InteropServices;

namespace Lapidary.Engine.Cuda.Driver;

/// <summary>The driver's calls for memory apart from the addresses at which devices use it. As in <see cref="CudaDriver"/>, results are
/// CUresult.</summary>
internal static unsafe partial class CudaMaps
{
    private const string Library = CudaLibraries.DriverName;

    static CudaMaps() => CudaLibraries.Register();

    [LibraryImport(Library)]
    public static partial int cuMemAddressReserve(nint* address, nuint lengthBytes, nuint alignment, nint wanted, ulong flags);

    [LibraryImport(Library)]
    public static partial int cuMemAddressFree(nint address, nuint lengthBytes);

    [LibraryImport(Library)]
    public static partial int cuMemGetAllocationGranularity(nuint* lengthBytes, MemoryKind* kind, int recommended);

    [LibraryImport(Library)]
    public static partial int cuMemCreate(ulong* memory, nuint lengthBytes, MemoryKind* kind, ulong flags);

    [LibraryImport(Library)]
    public static partial int cuMemRelease(ulong memory);

    [LibraryImport(Library)]
    public static partial int cuMemMap(nint address, nuint lengthBytes, nuint offset, ulong memory, ulong flags);

    [LibraryImport(Library)]
    public static partial int cuMemUnmap(nint address, nuint lengthBytes);

    /// <summary>The range is that of whole maps.</summary>
    [LibraryImport(Library)]
    public static partial int cuMemSetAccess(nint address, nuint lengthBytes, MemoryAccess* access, nuint count);
}
