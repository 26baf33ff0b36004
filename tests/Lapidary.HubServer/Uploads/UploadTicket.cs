namespace Lapidary.TestHub.Uploads;

/// <summary>One object's upload as the batch offered it: what its signed URLs are for.</summary>
/// <param name="PartBytes">0 for an upload in one piece.</param>
internal sealed record UploadTicket(HubRepository Repository, string Oid, long Size, long PartBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, (HubContent Content, string Etag)> _parts = [];

    public int PartCount => PartBytes == 0 ? 0 : (int)((Size + PartBytes - 1) / PartBytes);

    public long SizeOf(int part) => part < PartCount ? PartBytes : Size - (PartCount - 1) * PartBytes;

    public void Add(int part, HubContent content, string etag)
    {
        lock (_lock) _parts[part] = (content, etag);
    }

    public (HubContent Content, string Etag)? Part(int part)
    {
        lock (_lock) return _parts.TryGetValue(part, out var found) ? found : null;
    }

    /// <summary>The whole content is here and its hash was right.</summary>
    public void Store(HubContent content) => Repository.Objects.TryAdd(Oid, new LfsObject(content));
}

/// <summary>One part of it.</summary>
internal sealed record UploadPart(UploadTicket Ticket, int Number);
