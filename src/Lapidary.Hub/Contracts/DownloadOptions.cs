namespace Lapidary.Hub;

/// <summary>Which files of a repository to fetch, and where to put them.</summary>
public sealed record DownloadOptions
{
    /// <summary>Branch, tag or commit.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>Patterns of files to fetch, with *, ? and [...], where * also matches "/"; empty for all. Each pattern must match a file,
    /// so that no typo goes unnoticed; use <see cref="Filter"/> for files that may be missing.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Patterns of files to leave out, among those that <see cref="Include"/> selects.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Selects among the files that the patterns leave; null for all.</summary>
    public Func<RepoFile, bool>? Filter { get; init; }

    /// <summary>Like <see cref="Filter"/>, for a choice that depends on the other files; null for all. An exception that it throws ends the
    /// download before any file is fetched.</summary>
    public Func<IReadOnlyList<RepoFile>, IReadOnlyList<RepoFile>>? Select { get; init; }

    /// <summary>A folder outside the cache for real copies; null for the cache.</summary>
    public string? LocalDir { get; init; }

    /// <summary>Whether to fetch cached files again.</summary>
    public bool Force { get; init; }

    /// <summary>Receives the progress.</summary>
    public IProgress<TransferProgress>? Progress { get; init; }
}
