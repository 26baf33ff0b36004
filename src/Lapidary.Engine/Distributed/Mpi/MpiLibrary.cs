using System.Runtime.InteropServices;
using System.Text;
using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Mpi;

/// <summary>An MPI library: its functions, and the handles that differ between flavors.</summary>
/// <remarks>All handles are passed with a pointer's size; a library with 32-bit handles reads the lower half of the register. A library is
/// loaded by its full soname, because libmpi.so alone belongs to the one installed last.</remarks>
internal sealed unsafe class MpiLibrary
{
    /// <summary>Enough for MPI_MAX_LIBRARY_VERSION_STRING and MPI_MAX_ERROR_STRING of every library.</summary>
    private const int TextBytes = 8192;

    private const string OpenMpiWorld = "ompi_mpi_comm_world";

    private MpiLibrary(nint library, MpiFlavor flavor)
    {
        nint Export(string name) => NativeLibrary.GetExport(library, name);
        (World, Byte, ErrorsReturn) = flavor switch
        {
            MpiFlavor.OpenMpi => (Export(OpenMpiWorld), Export("ompi_mpi_byte"), Export("ompi_mpi_errors_return")),
            MpiFlavor.Mpich => (0x44000000, 0x4c00010d, 0x54000001),
            _ => (0x101, 0x247, (nint)0x143),
        };
        InitThread = (delegate* unmanaged<nint, nint, int, int*, int>)Export("MPI_Init_thread");
        EndAll = (delegate* unmanaged<int>)Export("MPI_Finalize");
        CommRank = (delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_rank");
        CommSize = (delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_size");
        SetErrorHandler = (delegate* unmanaged<nint, nint, int>)Export("MPI_Comm_set_errhandler");
        Broadcast = (delegate* unmanaged<void*, int, nint, int, nint, int>)Export("MPI_Bcast");
        AllToAll = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int>)Export("MPI_Alltoall");
        AllGather = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int>)Export("MPI_Allgather");
        ErrorString = (delegate* unmanaged<int, byte*, int*, int>)Export("MPI_Error_string");
        LibraryVersion = (delegate* unmanaged<byte*, int*, int>)Export("MPI_Get_library_version");
    }

    /// <summary>MPI_COMM_WORLD.</summary>
    public nint World { get; }

    /// <summary>MPI_BYTE.</summary>
    public nint Byte { get; }

    /// <summary>MPI_ERRORS_RETURN.</summary>
    public nint ErrorsReturn { get; }

    /// <summary>MPI_Init_thread(argc, argv, required, provided).</summary>
    public delegate* unmanaged<nint, nint, int, int*, int> InitThread { get; }

    /// <summary>MPI_Finalize().</summary>
    public delegate* unmanaged<int> EndAll { get; }

    /// <summary>MPI_Comm_rank(comm, rank).</summary>
    public delegate* unmanaged<nint, int*, int> CommRank { get; }

    /// <summary>MPI_Comm_size(comm, size).</summary>
    public delegate* unmanaged<nint, int*, int> CommSize { get; }

    /// <summary>MPI_Comm_set_errhandler(comm, handler).</summary>
    public delegate* unmanaged<nint, nint, int> SetErrorHandler { get; }

    /// <summary>MPI_Bcast(buffer, count, type, root, comm).</summary>
    public delegate* unmanaged<void*, int, nint, int, nint, int> Broadcast { get; }

    /// <summary>MPI_Alltoall(send, count, type, receive, count, type, comm).</summary>
    public delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int> AllToAll { get; }

    /// <summary>MPI_Allgather(send, count, type, receive, count, type, comm).</summary>
    public delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int> AllGather { get; }

    private delegate* unmanaged<int, byte*, int*, int> ErrorString { get; }

    private delegate* unmanaged<byte*, int*, int> LibraryVersion { get; }

    /// <summary>Loads the library of a flavor, or one with MPI 5's interface in its place.</summary>
    /// <exception cref="LapidaryException">No library was found; the message says what to install.</exception>
    public static MpiLibrary Load(MpiFlavor flavor)
    {
        foreach (var (name, kind) in Candidates(flavor))
            if (TryLoad(name, kind) is { } library) return library;
        throw new LapidaryException(HowToInstall(flavor));
    }

    /// <summary>The installed libraries of all flavors, with their sonames.</summary>
    public static IEnumerable<(string Name, MpiLibrary Library)> All()
    {
        foreach (var (name, kind) in Enum.GetValues<MpiFlavor>().SelectMany(Candidates).Distinct())
            if (TryLoad(name, kind) is { } library) yield return (name, library);
    }

    /// <summary>One line that says what to install.</summary>
    public static string HowToInstall(MpiFlavor flavor) => flavor switch
    {
        MpiFlavor.OpenMpi =>
            "Open MPI started this rank, but its library libmpi.so.40 was not found: install openmpi-bin (Debian, Ubuntu) or openmpi "
            + "(Fedora; then 'module load mpi/openmpi-x86_64'), or set LD_LIBRARY_PATH to its folder.",
        MpiFlavor.Mpich =>
            "A launcher of MPICH or Intel MPI started this rank, but neither libmpich.so.12 nor libmpi.so.12 was found: install mpich "
            + "(Debian, Ubuntu; Fedora, then 'module load mpi/mpich-x86_64') or load Intel MPI's setvars.sh, "
            + "or set LD_LIBRARY_PATH to the library's folder.",
        _ =>
            "No MPI library with the interface of MPI 5 was found (libmpi_abi.so.1): install Open MPI 6 or MPICH 5, "
            + "or set LD_LIBRARY_PATH to its folder.",
    };

    /// <summary>Name and version of the library: the first line of MPI_Get_library_version, up to a comma. Allowed before MPI
    /// starts.</summary>
    public string Version()
    {
        byte* text = stackalloc byte[TextBytes];
        int length;
        Check(LibraryVersion(text, &length), "MPI_Get_library_version");
        return ShortVersion(Encoding.UTF8.GetString(text, length));
    }

    /// <summary>"MPICH 4.0.2" of the lines "MPICH Version:\t4.0.2", "MPICH Release date: …".</summary>
    internal static string ShortVersion(string text)
    {
        string first = text.Split(['\n', '\r', ',', '\0'], 2)[0].Replace("Version:", "", StringComparison.Ordinal);
        return string.Join(' ', first.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Throws if a call failed.</summary>
    public void Check(int code, string call)
    {
        if (code == 0) return;
        byte* text = stackalloc byte[TextBytes];
        int length = 0;
        string reason = ErrorString(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, length) : $"error {code}";
        throw new LapidaryException($"{call}: {reason.ReplaceLineEndings(" ").Trim()}");
    }

    private static IEnumerable<(string Name, MpiFlavor Flavor)> Candidates(MpiFlavor flavor)
    {
        if (flavor == MpiFlavor.OpenMpi) yield return ("libmpi.so.40", flavor);
        if (flavor == MpiFlavor.Mpich)
        {
            yield return ("libmpich.so.12", flavor); // Debian's name
            yield return ("libmpi.so.12", flavor);
        }

        yield return ("libmpi_abi.so.1", MpiFlavor.Standard);
    }

    /// <summary>Null if no library has that name and flavor.</summary>
    private static MpiLibrary? TryLoad(string name, MpiFlavor flavor)
    {
        KeepSignals();
        return NativeLibrary.TryLoad(name, out nint library) && IsOf(flavor, library) ? new MpiLibrary(library, flavor) : null;
    }

    /// <summary>Tells Open MPI from the others: libmpi.so.12 was once its name too.</summary>
    private static bool IsOf(MpiFlavor flavor, nint library) =>
        NativeLibrary.TryGetExport(library, OpenMpiWorld, out _) == (flavor == MpiFlavor.OpenMpi) || flavor == MpiFlavor.Standard;

    /// <summary>Keeps .NET's signals. When UCX (part of MPICH and Open MPI) is loaded, it takes over SIGSEGV and SIGFPE, so that null
    /// references and divisions by zero end the process, and SIGHUP, which then prints many debug lines. The user's settings are
    /// kept.</summary>
    private static void KeepSignals()
    {
        if (!OperatingSystem.IsLinux()) return;
        NativeEnvironment.SetDefault("UCX_ERROR_SIGNALS", "");
        NativeEnvironment.SetDefault("UCX_DEBUG_SIGNO", "0");
    }
}
