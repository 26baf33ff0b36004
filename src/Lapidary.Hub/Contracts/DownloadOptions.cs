namespace Lapidary.Hub;

/// <summary>Which files of a repository, and where they go.</summary>
public sealed record DownloadOptions
{
    /// <summary>Branch, tag or commit.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>Files to fetch: patterns with *, ? and [...], where * crosses "/"; none for all. Each must match a file, so that no
    /// misspelt one is passed over; for what may be absent there is <see cref="Filter"/>.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Files to leave out, of those that <see cref="Include"/> chose.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Chooses among the files that the patterns left; null for all.</summary>
    public Func<RepoFile, bool>? Filter { get; init; }

    /// <summary>As <see cref="Filter"/> where the choice depends on what else is there; null for all. What it throws ends the download
    /// before a file is fetched.</summary>
    public Func<IReadOnlyList<RepoFile>, IReadOnlyList<RepoFile>>? Select { get; init; }

    /// <summary>A folder for real copies, outside the cache; null for the cache.</summary>
    public string? LocalDir { get; init; }

    /// <summary>Whether files that are cached are fetched again.</summary>
    public bool Force { get; init; }

    /// <summary>Told how it goes.</summary>
    public IProgress<TransferProgress>? Progress { get; init; }
}
