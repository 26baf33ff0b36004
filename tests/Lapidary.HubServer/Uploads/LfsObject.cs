namespace Lapidary.TestHub.Uploads;

/// <summary>An LFS content of a repository.</summary>
internal sealed class LfsObject(HubContent content)
{
    public HubContent Content => content;

    /// <summary>The client called verify, or none was offered.</summary>
    public bool IsVerified { get; set; }
}

/// <summary>What preupload was told of a path and answered.</summary>
internal sealed record PreuploadEntry(bool IsLfs, bool IsIgnored, long Size, byte[] Sample);
