using System.Threading.Channels;

namespace Lapidary.Hub.Download;

/// <summary>Writes an answer's body to the end of a part, and hashes it on another thread: a block is hashed while the next one arrives. It
/// needs the memory of a few blocks, for any file size.</summary>
internal static class BodyWriter
{
    // A block is received, written and hashed while it is in the processor's cache (compared with blocks of 64 KiB to 1 MiB).
    private const int BlockBytes = 1 << 17;
    private const int Blocks = 8;

    /// <summary>Copies the body. If the body breaks, the received bytes are in the part and in its hash.</summary>
    /// <param name="body">The answer's body.</param>
    /// <param name="part">The target.</param>
    /// <param name="stall">Longest pause without data.</param>
    /// <param name="moved">Receives the number of received bytes.</param>
    /// <param name="cancellation">Cancels the copy.</param>
    /// <returns>The error that broke the body; null if the body came to its end.</returns>
    /// <exception cref="BodyTooLongException">The body is longer than the content.</exception>
    public static async Task<Exception?> CopyAsync(
        Stream body, PartFile part, TimeSpan stall, Action<long> moved, CancellationToken cancellation)
    {
        long left = part.File.Size - part.Length;
        bool isSmall = left < BlockBytes;
        int blockBytes = isSmall ? (int)left + 1 : BlockBytes;
        using var free = new SemaphoreSlim(isSmall ? 1 : Blocks);
        var spare = new Stack<byte[]>();
        var full = Channel.CreateUnbounded<(byte[] Block, int Count)>(new() { SingleReader = true, SingleWriter = true });
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var hashing = isSmall ? Task.CompletedTask : Task.Run(HashAsync, CancellationToken.None);
        try
        {
            while (true)
            {
                await free.WaitAsync(cancellation).ConfigureAwait(false);
                byte[] block = Take();
                var (count, isEnd, broken) = await FillAsync(body, block, stall, moved, limit, cancellation).ConfigureAwait(false);
                if (count > part.File.Size - part.Length) throw new BodyTooLongException();
                part.Write(block.AsSpan(0, count));
                if (isSmall) Hash(block, count);
                else full.Writer.TryWrite((block, count));
                if (isEnd) return broken;
            }
        }
        finally
        {
            full.Writer.Complete();
            await hashing.ConfigureAwait(false);
        }

        byte[] Take()
        {
            lock (spare)
            {
                return spare.TryPop(out byte[]? block) ? block : GC.AllocateUninitializedArray<byte>(blockBytes);
            }
        }

        void Hash(byte[] block, int count)
        {
            part.Hash.Append(block.AsSpan(0, count));
            lock (spare) spare.Push(block);
            free.Release();
        }

        async Task HashAsync()
        {
            await foreach (var (block, count) in full.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
                Hash(block, count);
        }
    }

    /// <summary>Reads until a block is full or the body ends; keeps the bytes received before an error.</summary>
    private static async Task<(int Count, bool IsEnd, Exception? Break)> FillAsync(
        Stream body, byte[] block, TimeSpan stall, Action<long> moved, CancellationTokenSource limit, CancellationToken cancellation)
    {
        int count = 0;
        while (count < block.Length)
        {
            try
            {
                limit.CancelAfter(stall);
                int read = await body.ReadAsync(block.AsMemory(count), limit.Token).ConfigureAwait(false);
                if (read == 0) return (count, true, null);
                count += read;
                moved(read);
            }
            catch (OperationCanceledException e)
            {
                return (count, true, cancellation.IsCancellationRequested
                    ? e : new TimeoutException($"nothing came for {stall.TotalSeconds:0.#} s", e));
            }
            catch (Exception e) when (e is IOException or HttpRequestException or InvalidDataException)
            {
                return (count, true, e);
            }
        }

        return (count, false, null);
    }
}

/// <summary>The body is longer than its content should be.</summary>
internal sealed class BodyTooLongException : Exception;
