namespace Lapidary.Hub;

/// <summary>Files of a repository on this machine, all of one commit.</summary>
/// <param name="Path">The folder: of the cache, or the local one that was asked for.</param>
/// <param name="Commit">40 hex digits.</param>
/// <param name="Files">Files that were asked for, cached or not.</param>
/// <param name="Bytes">Of them.</param>
/// <param name="TransferredBytes">Bytes that went over the wire now.</param>
public sealed record Snapshot(string Path, string Commit, int Files, long Bytes, long TransferredBytes);
