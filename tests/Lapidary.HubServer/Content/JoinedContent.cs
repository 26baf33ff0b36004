namespace Lapidary.TestHub.Content;

/// <summary>Parts one after the other, as a multipart upload leaves them.</summary>
internal sealed class JoinedContent(IReadOnlyList<HubContent> parts) : HubContent
{
    public override long Size { get; } = parts.Sum(part => part.Size);

    public override async Task WriteToAsync(Stream target, long offset, long count, CancellationToken cancel)
    {
        foreach (var part in parts)
        {
            if (count == 0) break;
            if (offset >= part.Size)
            {
                offset -= part.Size;
                continue;
            }

            long here = Math.Min(count, part.Size - offset);
            await part.WriteToAsync(target, offset, here, cancel);
            (offset, count) = (0, count - here);
        }
    }
}
