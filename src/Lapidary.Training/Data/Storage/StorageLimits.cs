namespace Lapidary.Training.Data.Storage;

/// <summary>What is kept in memory, and what is worth a file.</summary>
internal sealed record StorageLimits
{
    /// <summary>Bytes of rows, and of tokens, that stay in memory; more go to a temporary file.</summary>
    public long MemoryBytes { get; init; } = 64 << 20;

    /// <summary>Bytes of rows from which on their tokens are kept for later runs: less is tokenized in half a second.</summary>
    public long CachedBytes { get; init; } = 4 << 20;
}
