namespace Lapidary.Engine.Memory;

/// <summary>Hands out addresses without memory, for backends that only count.</summary>
internal sealed class CountingAllocator : Allocator
{
    /// <summary>An address that must not be read. It is not 0, which means "no memory yet".</summary>
    public const nint Nowhere = 4096;

    private long _next = Nowhere;

    /// <inheritdoc/>
    public override long AvailableBytes => long.MaxValue - LiveBytes;

    /// <inheritdoc/>
    protected override nint AllocateCore(long lengthBytes, MemoryOwner owner) =>
        (nint)(Interlocked.Add(ref _next, lengthBytes) - lengthBytes);

    /// <inheritdoc/>
    protected override void FreeCore(nint address)
    {
    }
}
