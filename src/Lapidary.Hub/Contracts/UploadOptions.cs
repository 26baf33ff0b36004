namespace Lapidary.Hub;

/// <summary>How a folder becomes commits.</summary>
public sealed record UploadOptions
{
    /// <summary>The branch; it is made where it is missing.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>The commit's first line; null for a plain one.</summary>
    public string? CommitMessage { get; init; }

    /// <summary>Whether a repository that is made now is private; null for what the account's settings say.</summary>
    public bool? Private { get; init; }

    /// <summary>Files to send: patterns as in <see cref="DownloadOptions"/>; none for all.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Files to leave out.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>A folder of the repository to put the files into; null for its root.</summary>
    public string? PathInRepo { get; init; }

    /// <summary>The text of README.md where the repository has none, and the folder none that is sent; null for none.</summary>
    public string? Card { get; init; }

    /// <summary>Told how it goes.</summary>
    public IProgress<TransferProgress>? Progress { get; init; }
}
