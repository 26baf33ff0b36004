namespace Lapidary.Engine.Cpu.Attention;

/// <summary>A cache of keys or values: token t lies in slot t mod capacity.</summary>
internal static unsafe class KvRing
{
    /// <summary>Copies rows to the slots from <paramref name="position"/> on; of more rows than slots, the last ones.</summary>
    public static void Append(Tensor source, long position, Tensor ring)
    {
        long capacity = ring.Shape[0], rowBytes = ring.LengthBytes / capacity, tokens = source.LengthBytes / rowBytes;
        for (long token = Math.Max(0, tokens - capacity); token < tokens;)
        {
            long slot = (position + token) % capacity;
            long rows = Math.Min(tokens - token, capacity - slot); // to the end of the ring, then from its start
            long bytes = rows * rowBytes;
            Buffer.MemoryCopy((byte*)source.Address + token * rowBytes, (byte*)ring.Address + slot * rowBytes, bytes, bytes);
            token += rows;
        }
    }
}
