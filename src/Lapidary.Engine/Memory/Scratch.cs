namespace Lapidary.Engine.Memory;

/// <summary>Scratch memory of operations: one growing block for each purpose, kept between calls, so that the steady state allocates
/// nothing.</summary>
internal sealed class Scratch(Allocator allocator) : IDisposable
{
    private readonly Dictionary<string, (MemoryRegion Region, nint Address, long LengthBytes)> _blocks = [];

    /// <summary>Increases by one whenever memory that captured work may use has moved or is gone: a block, or other memory reported to
    /// <see cref="CountMove"/>.</summary>
    public int Moves { get; private set; }

    /// <summary>Reports that other memory, which captured work may use, is gone.</summary>
    public void CountMove() => Moves++;

    /// <summary>Returns at least <paramref name="lengthBytes"/> bytes, 64-byte aligned; the same block for the same purpose. A new block is
    /// zeroed, another is as its last user left it.</summary>
    public nint Get(string purpose, long lengthBytes)
    {
        if (_blocks.TryGetValue(purpose, out var block) && block.LengthBytes >= lengthBytes) return block.Address;
        block.Region?.Dispose();
        var region = new MemoryRegion(allocator, MemoryOwner.Workspace);
        nint address = region.Allocate(lengthBytes);
        _blocks[purpose] = (region, address, lengthBytes);
        Moves++;
        return address;
    }

    /// <summary>Frees all blocks.</summary>
    public void Dispose()
    {
        foreach (var block in _blocks.Values) block.Region.Dispose();
        _blocks.Clear();
    }
}
