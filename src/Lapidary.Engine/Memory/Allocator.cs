using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Hands out a backend's memory, 64-byte aligned and zeroed, and counts live and peak bytes by owner.</summary>
public abstract class Allocator
{
    private readonly Lock _lock = new();
    private readonly long[] _live = new long[Enum.GetValues<MemoryOwner>().Length];

    /// <summary>Bytes handed out and not yet freed.</summary>
    public long LiveBytes { get; private set; }

    /// <summary>The largest value of <see cref="LiveBytes"/> so far.</summary>
    public long PeakBytes { get; private set; }

    /// <summary>Estimate of the bytes that can still be allocated; other processes use the same memory.</summary>
    public abstract long AvailableBytes { get; }

    /// <summary>Live bytes of one owner.</summary>
    public long LiveBytesOf(MemoryOwner owner)
    {
        lock (_lock) return _live[(int)owner];
    }

    /// <summary>Live bytes by owner, largest first, without owners that have none: "Base 1.2 GiB, Activations 310.0 MiB".</summary>
    public string Describe() => Live.ToString();

    /// <summary>Live bytes by owner.</summary>
    public MemoryUse Live => new(LiveBytesOf);

    /// <summary>Raised when the backend is disposed, before anything is freed, for what computes on other threads and has to end first. A
    /// handler that throws keeps the backend as it is.</summary>
    public event EventHandler? Closing;

    /// <summary>Raises <see cref="Closing"/>.</summary>
    internal void Close() => Closing?.Invoke(this, EventArgs.Empty);

    internal nint Allocate(long lengthBytes, MemoryOwner owner)
    {
        nint address = AllocateCore(lengthBytes, owner);
        lock (_lock)
        {
            _live[(int)owner] += lengthBytes;
            LiveBytes += lengthBytes;
            PeakBytes = Math.Max(PeakBytes, LiveBytes);
        }

        return address;
    }

    internal void Free(nint address, long lengthBytes, MemoryOwner owner)
    {
        FreeCore(address);
        lock (_lock)
        {
            _live[(int)owner] -= lengthBytes;
            LiveBytes -= lengthBytes;
        }
    }

    /// <summary>Allocates zeroed memory, or throws a <see cref="LapidaryException"/> with the bytes requested and the live bytes.</summary>
    protected abstract nint AllocateCore(long lengthBytes, MemoryOwner owner);

    /// <summary>Frees memory from <see cref="AllocateCore"/>.</summary>
    protected abstract void FreeCore(nint address);
}
