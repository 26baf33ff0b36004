namespace Lapidary.Engine;

/// <summary>One block of memory for the buffers of step programs.</summary>
public sealed class Arena : IDisposable
{
    private readonly MemoryRegion _region;

    /// <summary>Allocates the block.</summary>
    public Arena(Allocator allocator, long lengthBytes)
    {
        _region = new MemoryRegion(allocator, MemoryOwner.Activations);
        Address = _region.Allocate(lengthBytes);
        LengthBytes = lengthBytes;
    }

    /// <summary>Bytes of the block.</summary>
    public long LengthBytes { get; }

    /// <summary>Its first byte.</summary>
    internal nint Address { get; }

    /// <inheritdoc/>
    public void Dispose() => _region.Dispose();
}
