namespace Lapidary.TestHub;

/// <summary>A file of a commit.</summary>
/// <param name="Path">With "/". Nothing is checked for files added from code, so that a tree can hold hostile names.</param>
/// <param name="IsLfs">Git holds a pointer, the content lies on the storage host.</param>
public sealed record HubFile(string Path, HubContent Content, bool IsLfs)
{
    /// <summary>A size that is announced in the content's place, in the tree and in headers.</summary>
    public long? ClaimedSize { get; init; }

    /// <summary>A hash that is announced in the content's place: what is served then never has it.</summary>
    public string? ClaimedHash { get; init; }

    /// <summary>The commit that last changed the file; set by the repository.</summary>
    public HubCommit? LastCommit { get; init; }

    public long Size => ClaimedSize ?? Content.Size;

    /// <summary>The SHA-256 of an LFS file, the git blob id of another: what the ETag says.</summary>
    public string Hash => ClaimedHash ?? (IsLfs ? Content.Sha256 : Content.GitOid);

    /// <summary>The git blob id of what Git holds: the pointer of an LFS file.</summary>
    public string Oid => IsLfs ? HubContent.FromText(PointerText).GitOid : ClaimedHash ?? Content.GitOid;

    public int PointerSize => PointerText.Length;

    private string PointerText => $"version https://git-lfs.github.com/spec/v1\noid sha256:{Hash}\nsize {Size}\n";
}
