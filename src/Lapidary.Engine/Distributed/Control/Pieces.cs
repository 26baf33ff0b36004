using System.Buffers.Binary;

namespace Lapidary.Engine.Distributed.Control;

/// <summary>Assembles a message from its pieces.</summary>
internal sealed class Pieces
{
    private byte[]? _bytes;
    private int _count;

    /// <summary>All of it, or null while some is missing.</summary>
    public byte[]? Whole => _bytes is not null && _count == _bytes.Length ? _bytes : null;

    /// <summary>The rank that a piece comes from.</summary>
    public static int RankOf(ReadOnlySpan<byte> frame) =>
        frame.Length >= 2 * sizeof(int) ? BinaryPrimitives.ReadInt32LittleEndian(frame) : throw Wrong();

    /// <summary>Adds a piece.</summary>
    /// <exception cref="LinkException">The piece does not fit.</exception>
    public void Add(ReadOnlySpan<byte> frame)
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(frame[sizeof(int)..]);
        var piece = frame[(2 * sizeof(int))..];
        if (length < 0 || (_bytes is not null && _bytes.Length != length) || piece.Length > length - _count) throw Wrong();
        _bytes ??= new byte[length];
        piece.CopyTo(_bytes.AsSpan(_count));
        _count += piece.Length;
    }

    private static LinkException Wrong() => new("what came is no message of Lapidary", isForeign: true);
}
