namespace Lapidary.Hub.Upload;

/// <summary>A file with what was found out about it.</summary>
/// <param name="File">It.</param>
/// <param name="IsLfs">Whether its content goes to storage, or into the commit itself.</param>
/// <param name="Oid">SHA-256 of one that goes to storage, else git's SHA-1.</param>
internal sealed record PlannedFile(LocalFile File, bool IsLfs, string Oid);
