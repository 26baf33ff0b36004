using System.Runtime.InteropServices;
using static Lapidary.Engine.Cuda.Driver.CudaDriver;

namespace Lapidary.Engine.Distributed.Peers;

/// <summary>What a rank's queue has reached.</summary>
internal enum PeerSignal
{
    /// <summary>The rank's tensor can be read.</summary>
    Ready,

    /// <summary>The rank has read what it sums from the others' tensors.</summary>
    Summed,

    /// <summary>The rank has copied the others' parts.</summary>
    Gathered,
}

/// <summary>Numbers in page-locked host memory by which the queues of several GPUs of one process wait for each other, without the
/// host. Each counts the exchanges of a rank, and only its queues write it. All ranks share one object.</summary>
/// <remarks>A wait is queued only after the signals that it waits for. So a queue that waits depends on no host, and holds up no signal
/// where the driver executes two streams in one order.</remarks>
internal sealed unsafe class PeerSignals
{
    /// <summary>Bytes from one number to the next: a cache line.</summary>
    private const int Stride = 64;

    private const int Kinds = 3;

    /// <summary>How long a rank that ends waits for the others, which may still read its memory and the numbers. They take
    /// milliseconds, unless one has failed.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private readonly CountdownEvent _there;
    private readonly byte* _memory;
    private readonly int _worldSize;
    private volatile bool _released;

    /// <summary>Allocates the numbers in the current context.</summary>
    private PeerSignals(int worldSize)
    {
        (_worldSize, _there) = (worldSize, new CountdownEvent(worldSize));
        void* memory;
        nuint lengthBytes = (nuint)(worldSize * Kinds * Stride);
        Check(cuMemHostAlloc(&memory, lengthBytes, HostAllocPortable | HostAllocDeviceMap));
        NativeMemory.Clear(memory, lengthBytes);
        _memory = (byte*)memory;
    }

    /// <summary>The object of all ranks, which are threads of this process and call this together.</summary>
    public static PeerSignals Share(RankGroup ranks)
    {
        var made = ranks.IsLeader ? GCHandle.Alloc(new PeerSignals(ranks.WorldSize)) : default;
        try
        {
            byte[] leaders = ranks.Gather(BitConverter.GetBytes((long)GCHandle.ToIntPtr(made)))[0];
            var shared = (PeerSignals)GCHandle.FromIntPtr((nint)BitConverter.ToInt64(leaders)).Target!;
            _ = ranks.Gather([]); // all have it
            return shared;
        }
        finally
        {
            if (made.IsAllocated) made.Free();
        }
    }

    /// <summary>Queues the report that a rank's stream has come so far.</summary>
    public void Signal(nint stream, PeerSignal kind, int rank, uint exchange) =>
        Check(cuStreamWriteValue32(stream, AddressOf(kind, rank), exchange, flags: 0));

    /// <summary>Queues a wait until a rank has come so far.</summary>
    public void Wait(nint stream, PeerSignal kind, int rank, uint exchange) =>
        Check(cuStreamWaitValue32(stream, AddressOf(kind, rank), exchange, WaitValueGreaterOrEqual));

    /// <summary>Waits on the host until all ranks have come so far, but not long.</summary>
    public void WaitOnHost(PeerSignal kind, uint exchange)
    {
        long end = Environment.TickCount64 + (long)Limit.TotalMilliseconds;
        for (int rank = 0; rank < _worldSize; rank++)
        {
            int* there = (int*)AddressOf(kind, rank);
            while (Volatile.Read(ref *there) - (int)exchange < 0 && Environment.TickCount64 < end) Thread.Sleep(0);
        }
    }

    /// <summary>Ends all waits, of all ranks: one of them has failed, and nothing that is computed counts any more.</summary>
    public void Release()
    {
        _released = true;
        for (int i = 0; i < _worldSize * Kinds; i++) Volatile.Write(ref *(int*)(_memory + i * Stride), int.MaxValue);
    }

    /// <summary>Called by each rank once, when its queues have no more waits. The numbers are freed after the last; if a rank has failed
    /// or does not come, they stay.</summary>
    /// <param name="isOwner">Whether this is the rank that allocated them.</param>
    public void Leave(bool isOwner)
    {
        _there.Signal();
        if (!_released && _there.Wait(Limit) && isOwner) _ = cuMemFreeHost(_memory);
    }

    private nint AddressOf(PeerSignal kind, int rank) => (nint)(_memory + ((int)kind * _worldSize + rank) * Stride);
}
