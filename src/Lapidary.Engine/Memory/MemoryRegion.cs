using Lapidary.Engine.Memory;

namespace Lapidary.Engine;

/// <summary>Owns memory for one purpose and frees all of it together: the parameters of a model, the arena of a program, a KV
/// cache.</summary>
public sealed class MemoryRegion(Allocator allocator, MemoryOwner owner) : IDisposable
{
    private readonly List<(nint Address, long LengthBytes)> _blocks = [];

    /// <summary>A region of host memory, whatever the backend.</summary>
    public static MemoryRegion OnHost(MemoryOwner owner) => new(new HostAllocator(), owner);

    /// <summary>Bytes this region holds.</summary>
    public long LengthBytes { get; private set; }

    /// <summary>A new zeroed tensor.</summary>
    public Tensor New(string name, DType dtype, params ReadOnlySpan<long> shape)
    {
        var tensor = new Tensor(dtype, shape) { Name = name };
        tensor.Place(Allocate(tensor.LengthBytes));
        return tensor;
    }

    /// <summary>Zeroed memory of at least <paramref name="lengthBytes"/> bytes, 64-byte aligned.</summary>
    internal nint Allocate(long lengthBytes)
    {
        long size = SizeOf(lengthBytes);
        nint address = allocator.Allocate(size, owner);
        _blocks.Add((address, size));
        LengthBytes += size;
        return address;
    }

    /// <summary>Bytes that <see cref="Allocate"/> takes.</summary>
    internal static long SizeOf(long lengthBytes) => Math.Max(64, (lengthBytes + 63) & ~63L);

    /// <summary>Frees everything; tensors of this region must not be used afterwards.</summary>
    public void Dispose()
    {
        foreach (var (address, lengthBytes) in _blocks) allocator.Free(address, lengthBytes, owner);
        _blocks.Clear();
        LengthBytes = 0;
    }
}
