using Lapidary.Formats;

namespace Lapidary.Engine.Distributed.Mpi;

/// <summary>MPI as this process has started it: one rank among those of its launcher.</summary>
/// <remarks>Calls may come from any thread, one at a time. They block and use a core meanwhile. A rank that waits for a lost one waits
/// forever.</remarks>
internal sealed unsafe class MpiRuntime : IDisposable
{
    /// <summary>MPI_THREAD_SERIALIZED.</summary>
    private const int OneThreadAtATime = 2;

    /// <summary>Counts of MPI are int: longer messages go in pieces.</summary>
    private const int MaxBytes = 1 << 30;

    private static int s_starts;

    private readonly MpiLibrary _mpi;
    private bool _isComplete;

    private MpiRuntime(MpiLibrary mpi)
    {
        _mpi = mpi;
        Version = mpi.Version();
        int provided, rank, size;
        Check(mpi.InitThread(0, 0, OneThreadAtATime, &provided), "MPI_Init_thread");
        Check(mpi.SetErrorHandler(mpi.World, mpi.ErrorsReturn), "MPI_Comm_set_errhandler");
        Check(mpi.CommRank(mpi.World, &rank), "MPI_Comm_rank");
        Check(mpi.CommSize(mpi.World, &size), "MPI_Comm_size");
        (Rank, WorldSize) = (rank, size);
        if (provided < OneThreadAtATime)
            throw new LapidaryException($"{Version} was built without support of threads (level {provided} of MPI_Init_thread, 2 needed).");
    }

    /// <summary>From 0 to <see cref="WorldSize"/> − 1.</summary>
    public int Rank { get; }

    /// <summary>Ranks of the job.</summary>
    public int WorldSize { get; }

    /// <summary>"Open MPI v4.1.4".</summary>
    public string Version { get; }

    /// <summary>Starts MPI. A process can do so once.</summary>
    /// <param name="flavor">The launcher's.</param>
    /// <param name="launchedRanks">Number of ranks that the launcher reports.</param>
    /// <exception cref="LapidaryException">The library is missing, cannot start, or belongs to another launcher.</exception>
    public static MpiRuntime Start(MpiFlavor flavor, int launchedRanks)
    {
        var library = MpiLibrary.Load(flavor);
        if (Interlocked.Increment(ref s_starts) > 1) throw new InvalidOperationException("MPI was started before in this process.");
        var runtime = new MpiRuntime(library);
        if (runtime.WorldSize == launchedRanks) return runtime;
        if (runtime.WorldSize == 1) runtime.Complete(); // alone, it waits for nobody
        runtime.Dispose();
        throw new LapidaryException(
            $"The launcher started {launchedRanks} ranks, but {runtime.Version} sees {runtime.WorldSize}: launcher and library belong to "
            + "different MPIs. Start the ranks with that library's own mpirun.");
    }

    /// <summary>bytes = those of the rank <paramref name="root"/>.</summary>
    public void Broadcast(Span<byte> bytes, int root)
    {
        fixed (byte* first = bytes) Broadcast((nint)first, bytes.Length, root);
    }

    /// <summary>Bytes = those of the rank <paramref name="root"/>.</summary>
    public void Broadcast(nint address, long lengthBytes, int root)
    {
        for (long at = 0; at < lengthBytes; at += MaxBytes)
        {
            int count = (int)Math.Min(MaxBytes, lengthBytes - at);
            Check(_mpi.Broadcast((byte*)address + at, count, _mpi.Byte, root, _mpi.World), "MPI_Bcast");
        }
    }

    /// <summary>Sends part r of <paramref name="sent"/> to rank r, and receives part r of <paramref name="received"/> from rank
    /// r.</summary>
    /// <param name="sent">A part for each rank, one after the other.</param>
    /// <param name="received">Memory for as many bytes; must not overlap.</param>
    /// <param name="partBytes">Bytes of a part.</param>
    public void AllToAll(void* sent, void* received, int partBytes) =>
        Check(_mpi.AllToAll(sent, partBytes, _mpi.Byte, received, partBytes, _mpi.Byte, _mpi.World), "MPI_Alltoall");

    /// <summary>Sends one part to all ranks, and receives part r of <paramref name="received"/> from rank r.</summary>
    /// <param name="sent">One part.</param>
    /// <param name="received">Memory for a part of each rank; must not overlap.</param>
    /// <param name="partBytes">Bytes of a part.</param>
    public void AllGather(void* sent, void* received, int partBytes) =>
        Check(_mpi.AllGather(sent, partBytes, _mpi.Byte, received, partBytes, _mpi.Byte, _mpi.World), "MPI_Allgather");

    /// <summary>Reports that all ranks have finished. <see cref="Dispose"/> then ends MPI, which waits for all of them. Without it, a
    /// launcher treats the rank as failed, whatever its exit code.</summary>
    public void Complete() => _isComplete = true;

    /// <summary>Ends MPI after <see cref="Complete"/>. Otherwise does nothing, because MPI would wait forever for a lost rank.</summary>
    public void Dispose()
    {
        if (!_isComplete) return;
        _isComplete = false;
        Check(_mpi.EndAll(), "MPI_Finalize");
    }

    private void Check(int code, string call) => _mpi.Check(code, call);
}
