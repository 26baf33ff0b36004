using Lapidary.Formats;
using Lapidary.Hub.Cache;

namespace Lapidary.Hub;

/// <summary>What is in the cache, and what of it nobody needs.</summary>
/// <param name="options">Its folder.</param>
public sealed class HubCache(HubOptions options)
{
    /// <summary>The folder.</summary>
    public string Folder => options.CacheFolder;

    /// <summary>The repositories, by type and id.</summary>
    /// <exception cref="LapidaryException">The cache cannot be read.</exception>
    public IReadOnlyList<CachedRepo> List() => [.. CacheScan.All(Folder).Select(scan => scan.Describe())];

    /// <summary>Commits that no ref names, and contents that no other commit names, with parts that nobody went on with for a
    /// day.</summary>
    /// <exception cref="LapidaryException">The cache cannot be read.</exception>
    public CachePrune FindUnused() => new(options, CacheScan.All(Folder));
}
