using System.Buffers.Binary;
using Lapidary.Engine;

namespace Lapidary.Cli.Generation;

/// <summary>Collects the ranks' answers in the order of their rows: rank i modulo the number of ranks answered row i of a block.</summary>
internal sealed class AnswerExchange(RankGroup ranks)
{
    /// <summary>Sends this rank's answers and receives all.</summary>
    /// <returns>All lines in order; null if a rank was told to stop.</returns>
    public IReadOnlyList<byte[]>? Gather(IReadOnlyList<byte[]> mine, bool stops)
    {
        var all = ranks.Gather(Pack(mine, stops)).Select(Unpack).ToArray();
        if (all.Any(rank => rank.Stops)) return null;
        var lines = new List<byte[]>();
        for (int i = 0; i < all[0].Lines.Count; i++)
            foreach (var (_, others) in all)
                if (i < others.Count) lines.Add(others[i]);
        return lines;
    }

    private static byte[] Pack(IReadOnlyList<byte[]> lines, bool stops)
    {
        byte[] packed = new byte[1 + lines.Sum(line => sizeof(int) + line.Length)];
        packed[0] = stops ? (byte)1 : (byte)0;
        int at = 1;
        foreach (byte[] line in lines)
        {
            BinaryPrimitives.WriteInt32LittleEndian(packed.AsSpan(at), line.Length);
            line.CopyTo(packed, at + sizeof(int));
            at += sizeof(int) + line.Length;
        }

        return packed;
    }

    private static (bool Stops, List<byte[]> Lines) Unpack(byte[] packed)
    {
        var lines = new List<byte[]>();
        for (int at = 1; at < packed.Length;)
        {
            int length = BinaryPrimitives.ReadInt32LittleEndian(packed.AsSpan(at));
            lines.Add(packed.AsSpan(at + sizeof(int), length).ToArray());
            at += sizeof(int) + length;
        }

        return (packed[0] != 0, lines);
    }
}
