using System.Buffers.Binary;

namespace Lapidary.Training.Data.Examples;

/// <summary>Token ids in 2, 3 or 4 bytes, as few as the vocabulary needs. One extra number stands for an untrained label.</summary>
/// <param name="vocabularySize">Ids are smaller than this.</param>
internal readonly struct TokenWidth(int vocabularySize)
{
    /// <summary>Bytes of an id.</summary>
    public int Bytes { get; } = vocabularySize <= ushort.MaxValue ? 2 : vocabularySize < 1 << 24 ? 3 : 4;

    /// <summary>Writes ids.</summary>
    public void Write(ReadOnlySpan<int> ids, Span<byte> target)
    {
        for (int i = 0, at = 0; i < ids.Length; i++, at += Bytes)
        {
            target[at] = (byte)ids[i];
            target[at + 1] = (byte)(ids[i] >> 8);
            if (Bytes > 2) target[at + 2] = (byte)(ids[i] >> 16);
            if (Bytes > 3) target[at + 3] = (byte)(ids[i] >> 24);
        }
    }

    /// <summary>Reads the number of ids that <paramref name="ids"/> holds.</summary>
    /// <returns>The largest id, as an unsigned number.</returns>
    public uint Read(ReadOnlySpan<byte> source, Span<int> ids)
    {
        uint largest = 0;
        for (int i = 0, at = 0; i < ids.Length; i++, at += Bytes)
        {
            uint id = BinaryPrimitives.ReadUInt16LittleEndian(source[at..]);
            if (Bytes > 2) id |= (uint)source[at + 2] << 16;
            if (Bytes > 3) id |= (uint)source[at + 3] << 24;
            ids[i] = (int)id;
            largest = Math.Max(largest, id);
        }

        return largest;
    }
}
