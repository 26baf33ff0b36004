namespace Lapidary.Hub;

/// <summary>The state of a transfer.</summary>
/// <param name="File">The file with the latest progress.</param>
/// <param name="Files">Finished files.</param>
/// <param name="TotalFiles">Files of the whole transfer.</param>
/// <param name="Bytes">Finished bytes, including those that existed before.</param>
/// <param name="TotalBytes">Bytes of the whole transfer.</param>
/// <param name="TransferredBytes">Finished bytes that were transferred now; use them to compute a speed.</param>
public readonly record struct TransferProgress(
    string File, int Files, int TotalFiles, long Bytes, long TotalBytes, long TransferredBytes);
