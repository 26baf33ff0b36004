namespace Lapidary.Hub;

/// <summary>What is in the cache, and what of it nobody needs.</summary>
/// <param name="options">Its folder.</param>
public sealed class HubCache(HubOptions options)
{
    /// <summary>The folder.</summary>
    public string Folder => options.CacheFolder;

    /// <summary>The repositories, by type and id.</summary>
    public IReadOnlyList<CachedRepo> List() => throw new NotImplementedException();

    /// <summary>Commits that no ref names, and blobs that no commit names.</summary>
    public CachePrune FindUnused() => throw new NotImplementedException();
}

/// <summary>A repository of the cache.</summary>
/// <param name="Repo">Which.</param> <param name="Bytes">On disk.</param> <param name="Files">Of all commits, each blob once.</param>
/// <param name="Refs">Branches and tags with their commits.</param> <param name="Commits">Commits with files.</param>
/// <param name="LastUsed">When a file of it was last read or written.</param>
public sealed record CachedRepo(
    HubRepo Repo, long Bytes, int Files, IReadOnlyDictionary<string, string> Refs, IReadOnlyList<string> Commits,
    DateTimeOffset LastUsed);

/// <summary>What can be removed.</summary>
public sealed class CachePrune
{
    /// <summary>Commits that no ref names.</summary>
    public int Commits => throw new NotImplementedException();

    /// <summary>Blobs that no commit names.</summary>
    public int Blobs => throw new NotImplementedException();

    /// <summary>Bytes that removing them frees.</summary>
    public long Bytes => throw new NotImplementedException();

    /// <summary>Removes them.</summary>
    public void Remove() => throw new NotImplementedException();
}
