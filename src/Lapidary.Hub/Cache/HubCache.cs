using Lapidary.Formats;
using Lapidary.Hub.Cache;

namespace Lapidary.Hub;

/// <summary>The content of the cache, and the parts that nobody needs.</summary>
/// <param name="options">Options with the cache's folder.</param>
public sealed class HubCache(HubOptions options)
{
    /// <summary>The folder.</summary>
    public string Folder => options.CacheFolder;

    /// <summary>The repositories, by type and id.</summary>
    /// <exception cref="LapidaryException">The cache cannot be read.</exception>
    public IReadOnlyList<CachedRepo> List() => [.. CacheScan.All(Folder).Select(scan => scan.Describe())];

    /// <summary>Commits that no ref names, contents that no other commit names, and incomplete contents that were not continued for a
    /// day.</summary>
    /// <exception cref="LapidaryException">The cache cannot be read.</exception>
    public CachePrune FindUnused() => new(options, CacheScan.All(Folder), isWhole: false);

    /// <summary>Everything in the cache of some repositories: their commits, refs and contents.</summary>
    /// <exception cref="LapidaryException">The cache cannot be read.</exception>
    public CachePrune Find(IEnumerable<HubRepo> repos) =>
        new(options, [.. repos.Select(repo => CacheScan.Of(Folder, repo))], isWhole: true);
}
