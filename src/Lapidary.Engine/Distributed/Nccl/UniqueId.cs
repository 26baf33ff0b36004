using System.Runtime.InteropServices;

namespace Lapidary.Engine.Distributed.Nccl;

/// <summary>The id by which ranks find each other: ncclUniqueId, passed by value. It is a secret: a process that knows it can take a rank's
/// place.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct UniqueId
{
    /// <summary>Its size: NCCL_UNIQUE_ID_BYTES.</summary>
    public const int LengthBytes = 128;

    public fixed byte Bytes[LengthBytes];

    public UniqueId(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* first = Bytes) bytes.CopyTo(new Span<byte>(first, LengthBytes));
    }

    public readonly byte[] ToArray()
    {
        fixed (byte* first = Bytes) return new ReadOnlySpan<byte>(first, LengthBytes).ToArray();
    }
}
