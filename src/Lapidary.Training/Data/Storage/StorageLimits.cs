namespace Lapidary.Training.Data.Storage;

/// <summary>Limits: how much stays in memory, and from which size on a file is used.</summary>
internal sealed record StorageLimits
{
    /// <summary>Bytes of rows, and of tokens, to keep in memory; the rest goes to a temporary file.</summary>
    public long MemoryBytes { get; init; } = 64 << 20;

    /// <summary>Size of rows in bytes from which on their tokens are stored for later runs; less is tokenized in half a second.</summary>
    public long CachedBytes { get; init; } = 4 << 20;
}
