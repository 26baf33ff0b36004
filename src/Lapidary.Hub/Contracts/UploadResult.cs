namespace Lapidary.Hub;

/// <summary>The result of an upload.</summary>
/// <param name="Url">The repository's page.</param>
/// <param name="Commit">The new head of the branch: 40 hex digits.</param>
/// <param name="Files">Number of files that belong to the upload.</param>
/// <param name="Bytes">Their size in bytes.</param>
/// <param name="TransferredFiles">Number of new or changed files.</param>
public sealed record UploadResult(string Url, string Commit, int Files, long Bytes, int TransferredFiles);
