namespace Lapidary.Hub;

/// <summary>A repository in the cache.</summary>
/// <param name="Repo">The repository.</param>
/// <param name="Bytes">Bytes on the disk.</param>
/// <param name="Files">Number of files in all commits; each content counts once.</param>
/// <param name="Refs">Branches and tags with their commits.</param>
/// <param name="Commits">Commits with cached files.</param>
/// <param name="LastUsed">When one of its files was last read or written.</param>
public sealed record CachedRepo(
    HubRepo Repo, long Bytes, int Files, IReadOnlyDictionary<string, string> Refs, IReadOnlyList<string> Commits,
    DateTimeOffset LastUsed);
