namespace Lapidary.Engine.Recording;

/// <summary>Places buffers with known lifetimes in one block of memory, so that two buffers share bytes only if their lives do not
/// overlap.</summary>
/// <remarks>Largest first, each at the lowest gap that is free for its whole life ("greedy by size"). The largest sum of bytes alive at one
/// time is a lower bound; for a decoder's steps the layout is within a few percent of it.</remarks>
internal static class ArenaPlanner
{
    private const long Alignment = 256;

    /// <summary>A layout: each tensor's offset, and the bytes of the whole.</summary>
    public sealed record Layout(IReadOnlyList<(Tensor Tensor, long Offset)> Offsets, long LengthBytes);

    /// <summary>Lays out the buffers.</summary>
    public static Layout Plan(IEnumerable<Lifetime> lifetimes)
    {
        var placed = new List<(Lifetime Life, long Offset, long End)>();
        var largestFirst = lifetimes.Where(life => life.IsUsed)
            .OrderByDescending(life => life.Tensor.LengthBytes).ThenBy(life => life.First);
        foreach (var life in largestFirst)
        {
            long size = (life.Tensor.LengthBytes + Alignment - 1) / Alignment * Alignment;
            long offset = 0;
            foreach (var other in placed) // sorted by offset
            {
                if (!other.Life.Overlaps(life)) continue;
                if (offset + size <= other.Offset) break;
                offset = Math.Max(offset, other.End);
            }

            int at = placed.FindIndex(other => other.Offset > offset);
            placed.Insert(at < 0 ? placed.Count : at, (life, offset, offset + size));
        }

        long lengthBytes = placed.Select(entry => entry.End).DefaultIfEmpty().Max();
        return new Layout([.. placed.Select(entry => (entry.Life.Tensor, entry.Offset))], lengthBytes);
    }
}
