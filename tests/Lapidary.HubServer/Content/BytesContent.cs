namespace Lapidary.TestHub.Content;

/// <summary>Bytes in memory.</summary>
internal sealed class BytesContent(byte[] bytes) : HubContent
{
    public override long Size => bytes.Length;

    public override async Task WriteToAsync(Stream target, long offset, long count, CancellationToken cancel) =>
        await target.WriteAsync(bytes.AsMemory((int)offset, (int)count), cancel);
}
