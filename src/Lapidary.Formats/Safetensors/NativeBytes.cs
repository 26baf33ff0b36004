namespace Lapidary.Formats.Safetensors;

/// <summary>Writes native memory to streams. Spans have at most 2³¹ − 1 bytes; tensors may have more.</summary>
internal static class NativeBytes
{
    private const int ChunkBytes = 1 << 26;

    /// <summary>Writes <paramref name="lengthBytes"/> bytes at <paramref name="address"/> to a stream.</summary>
    public static unsafe void CopyTo(nint address, long lengthBytes, Stream destination)
    {
        for (long done = 0; done < lengthBytes; done += ChunkBytes)
            destination.Write(new ReadOnlySpan<byte>((byte*)address + done, (int)Math.Min(ChunkBytes, lengthBytes - done)));
    }
}
