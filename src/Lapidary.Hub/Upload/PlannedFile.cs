namespace Lapidary.Hub.Upload;

/// <summary>A file with its upload plan.</summary>
/// <param name="File">The file.</param>
/// <param name="IsLfs">Whether its content goes to storage instead of into the commit.</param>
/// <param name="Oid">SHA-256 for a file in storage, else git's SHA-1.</param>
internal sealed record PlannedFile(LocalFile File, bool IsLfs, string Oid);
