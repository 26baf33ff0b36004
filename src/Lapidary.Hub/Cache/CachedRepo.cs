namespace Lapidary.Hub;

/// <summary>A repository of the cache.</summary>
/// <param name="Repo">Which.</param>
/// <param name="Bytes">On disk.</param>
/// <param name="Files">Of all commits, each content once.</param>
/// <param name="Refs">Branches and tags with their commits.</param>
/// <param name="Commits">Commits with files.</param>
/// <param name="LastUsed">When a file of it was last read or written.</param>
public sealed record CachedRepo(
    HubRepo Repo, long Bytes, int Files, IReadOnlyDictionary<string, string> Refs, IReadOnlyList<string> Commits,
    DateTimeOffset LastUsed);
