using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Lapidary.TestHub.Content;

/// <summary>Bytes by rule: blocks of 1 MiB of random bytes, the same block each time but for its number in its first 8 bytes. So no two
/// blocks are equal (a block at the wrong place is noticed) and serving costs no more than copying.</summary>
internal sealed class GeneratedContent(long size, int seed) : HubContent
{
    private const int BlockBytes = 1 << 20;
    private static readonly ConcurrentDictionary<int, byte[]> Blocks = new();
    private static readonly ConcurrentDictionary<(long Size, int Seed, string Kind), string> Hashes = new();

    private readonly byte[] _block = Blocks.GetOrAdd(seed, static seed =>
    {
        byte[] block = new byte[BlockBytes];
        new Random(seed).NextBytes(block);
        return block;
    });

    public override long Size => size;

    public override async Task WriteToAsync(Stream target, long offset, long count, CancellationToken cancel)
    {
        byte[] number = new byte[8];
        while (count > 0)
        {
            var (block, at) = (offset / BlockBytes, (int)(offset % BlockBytes));
            if (at < 8) BinaryPrimitives.WriteInt64LittleEndian(number, block);
            var piece = at < 8 ? number.AsMemory(at) : _block.AsMemory(at);
            if (piece.Length > count) piece = piece[..(int)count];
            await target.WriteAsync(piece, cancel);
            offset += piece.Length;
            count -= piece.Length;
        }
    }

    private protected override string Hash(HashAlgorithmName algorithm, string prefix) =>
        Hashes.GetOrAdd((size, seed, algorithm.Name!), _ => base.Hash(algorithm, prefix));
}
