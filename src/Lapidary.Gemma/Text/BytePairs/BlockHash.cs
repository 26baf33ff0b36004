using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Lapidary.Gemma.Text.BytePairs;

/// <summary>A 128-bit checksum of blocks of bytes, for Lapidary's files. It is compiled at full speed at once. A vectorized hash is slow
/// until the runtime has compiled it a second time, and start-up ends before that.</summary>
/// <remarks>Two chains of multiplications whose halves are folded. The result depends on the block boundaries, so reader and writer must
/// use the same ones. It does not protect against deliberately forged files.</remarks>
internal sealed class BlockHash
{
    private const ulong First = 0x9E3779B97F4A7C15, Second = 0xC2B2AE3D27D4EB4F;

    private ulong _a = Second, _b = First;

    /// <summary>Adds a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Append(ReadOnlySpan<byte> block)
    {
        ulong a = _a ^ ((ulong)block.Length * Second), b = _b + (ulong)block.Length;
        for (; block.Length >= sizeof(ulong); block = block[sizeof(ulong)..])
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(block);
            (a, b) = (Fold(a ^ word, First) + word, Fold(b + word, Second) ^ a);
        }

        ulong rest = 0;
        for (int i = 0; i < block.Length; i++) rest |= (ulong)block[i] << (8 * i);
        (_a, _b) = (Fold(a ^ rest, First) + rest, Fold(b + rest, Second) ^ a);
    }

    /// <summary>The checksum.</summary>
    public UInt128 Value => new(_a, _b);

    /// <summary>The checksum in 16 bytes.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, Value);
        return bytes;
    }

    private static ulong Fold(ulong value, ulong multiplier)
    {
        ulong high = Math.BigMul(value, multiplier, out ulong low);
        return high ^ low;
    }
}
