namespace Lapidary.Hub;

/// <summary>A file of a repository.</summary>
/// <param name="Path">Path in the repository, with "/".</param>
/// <param name="Size">Bytes.</param>
/// <param name="BlobId">Git's SHA-1 of the file, or of its LFS pointer: 40 hex digits.</param>
/// <param name="Sha256">SHA-256 of the content for LFS files: 64 hex digits.</param>
public sealed record RepoFile(string Path, long Size, string BlobId, string? Sha256)
{
    /// <summary>The hash that names the content in the cache.</summary>
    internal string Etag => Sha256 ?? BlobId;
}
