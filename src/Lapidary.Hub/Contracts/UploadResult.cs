namespace Lapidary.Hub;

/// <summary>What an upload did.</summary>
/// <param name="Url">The repository's page.</param>
/// <param name="Commit">The branch's head now: 40 hex digits.</param>
/// <param name="Files">Files in the folder that belong there.</param>
/// <param name="Bytes">Of them.</param>
/// <param name="TransferredFiles">Files that were new or changed.</param>
public sealed record UploadResult(string Url, string Commit, int Files, long Bytes, int TransferredFiles);
