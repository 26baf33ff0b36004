using System.Runtime.InteropServices;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>Outcome of a call: ncclResult_t.</summary>
internal enum NcclResult
{
    Success = 0,
    UnhandledCudaError = 1,
    SystemError = 2,
    InternalError = 3,
    InvalidArgument = 4,
    InvalidUsage = 5,
    RemoteError = 6,
    InProgress = 7,
}

/// <summary>Element types that are exchanged: ncclDataType_t.</summary>
internal enum NcclType
{
    UInt8 = 1,
    Float32 = 7,
}

/// <summary>How the ranks' elements are combined: ncclRedOp_t.</summary>
internal enum NcclOperation
{
    Sum = 0,
}

/// <summary>NCCL, as far as it is used. Communicators are <see cref="nint"/>, counts are elements, streams are the driver's.</summary>
internal static unsafe partial class NcclApi
{
    private const string Library = CudaLibraries.NcclName;

    static NcclApi() => CudaLibraries.Register();

    [LibraryImport(Library)]
    public static partial byte* ncclGetErrorString(NcclResult result);

    /// <summary>The last error of the process in words; comm may be null.</summary>
    [LibraryImport(Library)]
    public static partial byte* ncclGetLastError(nint comm);

    [LibraryImport(Library)]
    public static partial NcclResult ncclGetUniqueId(UniqueId* id);

    [LibraryImport(Library)]
    public static partial NcclResult ncclCommInitRankConfig(nint* comm, int ranks, UniqueId id, int rank, NcclConfig* config);

    [LibraryImport(Library)]
    public static partial NcclResult ncclCommGetAsyncError(nint comm, NcclResult* state);

    [LibraryImport(Library)]
    public static partial NcclResult ncclCommDestroy(nint comm);

    /// <summary>Ends the kernels that wait for other ranks, and frees the communicator.</summary>
    [LibraryImport(Library)]
    public static partial NcclResult ncclCommAbort(nint comm);

    [LibraryImport(Library)]
    public static partial NcclResult ncclAllReduce(
        nint source, nint target, nuint count, NcclType type, NcclOperation operation, nint comm, nint stream);

    /// <summary>The count is that of a part.</summary>
    [LibraryImport(Library)]
    public static partial NcclResult ncclReduceScatter(
        nint source, nint target, nuint count, NcclType type, NcclOperation operation, nint comm, nint stream);

    /// <summary>The count is that of a part.</summary>
    [LibraryImport(Library)]
    public static partial NcclResult ncclAllGather(nint source, nint target, nuint count, NcclType type, nint comm, nint stream);

    [LibraryImport(Library)]
    public static partial NcclResult ncclBroadcast(
        nint source, nint target, nuint count, NcclType type, int root, nint comm, nint stream);
}
