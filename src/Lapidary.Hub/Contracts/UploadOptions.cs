namespace Lapidary.Hub;

/// <summary>How to upload a folder.</summary>
public sealed record UploadOptions
{
    /// <summary>The branch; it is created if missing.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>The commit's first line; null for a default.</summary>
    public string? CommitMessage { get; init; }

    /// <summary>Whether a new repository is private; null for the default of the account.</summary>
    public bool? Private { get; init; }

    /// <summary>Patterns of files to upload, as in <see cref="DownloadOptions"/>; empty for all.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Patterns of files to leave out.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>A folder in the repository for the files; null for its root.</summary>
    public string? PathInRepo { get; init; }

    /// <summary>The text of README.md, used if neither the repository nor the uploaded folder has this file; null for none.</summary>
    public string? Card { get; init; }

    /// <summary>Receives the progress.</summary>
    public IProgress<TransferProgress>? Progress { get; init; }
}
