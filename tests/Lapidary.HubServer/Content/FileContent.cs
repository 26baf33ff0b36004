using System.Buffers;

namespace Lapidary.TestHub.Content;

/// <summary>A file on disk.</summary>
internal sealed class FileContent(string path) : HubContent
{
    private const int BufferBytes = 1 << 18;

    public override long Size { get; } = new FileInfo(path).Length;

    public override async Task WriteToAsync(Stream target, long offset, long count, CancellationToken cancel)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            using var file = File.OpenHandle(path);
            while (count > 0)
            {
                int read = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(count, BufferBytes)), offset);
                if (read == 0) throw new EndOfStreamException($"{path} became shorter while it was served.");
                await target.WriteAsync(buffer.AsMemory(0, read), cancel);
                offset += read;
                count -= read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
