using Lapidary.Engine.Cuda.Device;
using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Peers;
using Lapidary.Formats;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Distributed.Peers;

/// <summary>The ways of a rank to the memory of the other GPUs, where all ranks are threads of one process and NVLink connects them: a
/// kernel reads it in place, and copy engines bring it while the multiprocessors compute.</summary>
internal sealed unsafe class PeerLinks : IDisposable
{
    private readonly ThreadGroup _threads;
    private readonly CudaRuntime _runtime;
    private readonly int[] _others;
    private readonly PeerSignals _signals;
    private readonly nint _copies;
    private readonly nint _order;
    private uint _exchange;

    private PeerLinks(ThreadGroup ranks, CudaRuntime runtime, int[] devices)
    {
        (_threads, _runtime, Kernels) = (ranks, runtime, new PeerKernels(runtime.Launcher));
        _others = [.. devices.Where((_, rank) => rank != ranks.Rank).Select(device => CudaDevice.Get(device).Handle)];
        _signals = PeerSignals.Share(ranks);
        nint copies, order;
        Check(cuStreamCreate(&copies, StreamNonBlocking));
        Check(cuEventCreate(&order, EventDisableTiming));
        (_copies, _order) = (copies, order);
    }

    /// <summary>The ranks.</summary>
    public RankGroup Ranks => _threads;

    /// <summary>Kernels that read other GPUs' memory.</summary>
    public PeerKernels Kernels { get; }

    /// <summary>The backend's stream.</summary>
    public nint Stream => _runtime.Context!.Stream;

    /// <summary>The stream of copies beside it.</summary>
    public nint Copies => _copies;

    /// <summary>Connects the ranks, all of which call this. Null on all of them if some cannot reach each other so.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="runtime">This rank's device.</param>
    /// <param name="isAllowed">Whether the user lets GPUs reach each other directly.</param>
    public static PeerLinks? Create(RankGroup ranks, CudaRuntime runtime, bool isAllowed)
    {
        if (ranks is not ThreadGroup threads || ranks.WorldSize > PeerKernels.MaxRanks) return null; // the same on all
        runtime.Context!.MakeCurrent();
        int[] devices = [.. ranks.Gather(BitConverter.GetBytes(runtime.Device.Ordinal)).Select(bytes => BitConverter.ToInt32(bytes))];
        bool reaches = isAllowed && OpenMemory.IsUseful(runtime.Context.Device)
            && devices.All(device => Reaches(runtime.Device, device));
        return AllSay(ranks, reaches) ? new PeerLinks(threads, runtime, devices) : null;
    }

    /// <summary>Opens a tensor's memory to the other ranks, all of which call this.</summary>
    /// <returns>The addresses of all ranks' tensors, in their order; null if some are in memory that cannot be opened.</returns>
    public nint[]? Open(Tensor tensor)
    {
        _runtime.Context!.MakeCurrent();
        bool isOpen = OpenMemory.Around(tensor.Address)?.OpenTo(_others) == true;
        nint[] addresses =
            [.. Ranks.Gather(BitConverter.GetBytes((long)tensor.Address)).Select(bytes => (nint)BitConverter.ToInt64(bytes))];
        return AllSay(Ranks, isOpen) ? addresses : null;
    }

    /// <summary>Begins an exchange: reports that what is queued so far leaves the tensor as the others may read it, and waits on the
    /// host until all ranks have queued this report.</summary>
    /// <returns>The exchange's number, which is the same on all ranks.</returns>
    /// <exception cref="LapidaryException">Another rank has failed.</exception>
    public uint Begin()
    {
        if (_runtime.IsCapturing) throw new InvalidOperationException("Exchanges between ranks are not captured.");
        _runtime.Context!.MakeCurrent();
        Signal(Stream, PeerSignal.Ready, ++_exchange);
        _threads.Meet();
        return _exchange;
    }

    /// <summary>Queues a report of this rank.</summary>
    public void Signal(nint stream, PeerSignal kind, uint exchange) => _signals.Signal(stream, kind, Ranks.Rank, exchange);

    /// <summary>Queues a wait until another rank's tensor can be read.</summary>
    public void WaitUntilReady(nint stream, int rank, uint exchange) => _signals.Wait(stream, PeerSignal.Ready, rank, exchange);

    /// <summary>Queues a wait until all ranks' tensors can be read, on the backend's stream.</summary>
    public void WaitUntilReady(uint exchange)
    {
        _runtime.Context!.MakeCurrent();
        for (int rank = 0; rank < Ranks.WorldSize; rank++)
            if (rank != Ranks.Rank) WaitUntilReady(Stream, rank, exchange);
    }

    /// <summary>Later work of one of the two streams waits for earlier work of the other.</summary>
    public void Order(nint earlier, nint later)
    {
        _runtime.Context!.MakeCurrent();
        Check(cuEventRecord(_order, earlier));
        Check(cuStreamWaitEvent(later, _order, flags: 0));
    }

    /// <summary>Waits on the host until all ranks have read what they need in an exchange, but not long.</summary>
    public void WaitForReaders(PeerSignal kind, uint exchange) => _signals.WaitOnHost(kind, exchange);

    /// <summary>Ends the waits of all ranks, because one has failed.</summary>
    public void Release() => _signals.Release();

    /// <inheritdoc/>
    public void Dispose()
    {
        _runtime.Context!.MakeCurrent();
        if (cuStreamQuery(_copies) != 0) Release(); // divided tensors have waited for it, unless a rank has failed
        _ = cuStreamDestroy(_copies);
        _ = cuEventDestroy(_order);
        _signals.Leave(isOwner: Ranks.IsLeader);
    }

    private static bool AllSay(RankGroup ranks, bool yes) => ranks.Gather([yes ? (byte)1 : (byte)0]).All(answer => answer[0] == 1);

    private static bool Reaches(CudaDevice device, int other) =>
        other == device.Ordinal || device.LinkTo(CudaDevice.Get(other)) == CudaLink.NVLink;
}
