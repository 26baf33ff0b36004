namespace Lapidary.Hub;

/// <summary>Local files of a repository, all from one commit.</summary>
/// <param name="Path">The folder: in the cache, or the requested local folder.</param>
/// <param name="Commit">The commit: 40 hex digits.</param>
/// <param name="Files">Number of requested files, cached or not.</param>
/// <param name="Bytes">Their size in bytes.</param>
/// <param name="TransferredBytes">Bytes transferred by this call.</param>
public sealed record Snapshot(string Path, string Commit, int Files, long Bytes, long TransferredBytes);
