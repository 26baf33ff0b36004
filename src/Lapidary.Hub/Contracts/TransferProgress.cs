namespace Lapidary.Hub;

/// <summary>Where a transfer stands.</summary>
/// <param name="File">The file that moved last.</param>
/// <param name="Files">Files done.</param>
/// <param name="TotalFiles">Of the whole transfer.</param>
/// <param name="Bytes">Done, with those that were there before.</param>
/// <param name="TotalBytes">Of the whole transfer.</param>
/// <param name="TransferredBytes">Of those done, the ones that went over the wire now: what a speed is reckoned from.</param>
public readonly record struct TransferProgress(
    string File, int Files, int TotalFiles, long Bytes, long TotalBytes, long TransferredBytes);
