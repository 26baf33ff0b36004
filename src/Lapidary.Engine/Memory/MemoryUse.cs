using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Bytes by owner, measured or predicted.</summary>
public sealed record MemoryUse
{
    private readonly long[] _bytes = new long[Enum.GetValues<MemoryOwner>().Length];

    /// <summary>Takes each owner's bytes from a function.</summary>
    public MemoryUse(Func<MemoryOwner, long> bytesOf)
    {
        foreach (var owner in Enum.GetValues<MemoryOwner>()) _bytes[(int)owner] = bytesOf(owner);
    }

    /// <summary>Bytes of one owner.</summary>
    public long this[MemoryOwner owner] => _bytes[(int)owner];

    /// <summary>Bytes of all owners.</summary>
    public long TotalBytes => _bytes.Sum();

    /// <summary>Owners with memory, largest first.</summary>
    public IEnumerable<MemoryOwner> Owners =>
        Enum.GetValues<MemoryOwner>().Where(owner => this[owner] > 0).OrderByDescending(owner => this[owner]);

    /// <summary>"Base 1.2 GiB, Activations 310.0 MiB".</summary>
    public override string ToString() => string.Join(", ", Owners.Select(owner => $"{owner} {ByteSize.Format(this[owner])}"));
}
