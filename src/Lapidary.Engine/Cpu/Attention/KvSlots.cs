namespace Lapidary.Engine.Cpu.Attention;

/// <summary>Where a cache of keys or values [slots, capacity, dim] holds a token: position p of a text lies in entry p mod capacity of the
/// text's slot.</summary>
internal readonly struct KvSlots(Tensor cache)
{
    /// <summary>Entries of a slot.</summary>
    public int Capacity { get; } = checked((int)cache.Shape[1]);

    /// <summary>Index of the entry among those of all slots.</summary>
    public nint Entry(int slot, int position) => (nint)slot * Capacity + position % Capacity;
}
