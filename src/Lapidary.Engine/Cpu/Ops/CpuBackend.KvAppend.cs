namespace Lapidary.Engine;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void KvAppend(Tensor k, Tensor v, Tensor position, Tensor keys, Tensor values)
    {
        CopyToRing(k, *position.Pointer<int>(), keys);
        CopyToRing(v, *position.Pointer<int>(), values);
    }

    private static void CopyToRing(Tensor source, long position, Tensor ring)
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
