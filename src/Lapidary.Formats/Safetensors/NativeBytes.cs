namespace Lapidary.Formats.Safetensors;

/// <summary>Native memory as streams take it: spans end at 2³¹ − 1 bytes, tensors do not.</summary>
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
