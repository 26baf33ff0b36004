using System.Numerics;

namespace Lapidary.Training.Data.Packing;

/// <summary>Best-fit decreasing bin packing in O(n · capacity / 64) at worst.</summary>
/// <remarks>
/// <para>The longest items come first, ties in order. Each item goes into the open bin with the smallest sufficient space (of equal bins,
/// the one that reached that space first), else into a new bin. Bins keep the order in which they were opened. TRL's "bfd" has the same
/// rule.</para>
/// <para>Bins are queued by their free space. A bit per space tells whether its queue is non-empty, so the best bin is the next set
/// bit.</para>
/// </remarks>
internal static class BestFitDecreasing
{
    /// <summary>Packs items into bins.</summary>
    /// <param name="lengths">Item sizes; items of 0 are left out, none is above the capacity.</param>
    /// <param name="capacity">Size of a bin.</param>
    /// <returns>The items by bin, in the order in which they were added, and the start of each bin; the last start is the number of
    /// items.</returns>
    public static (int[] Starts, int[] Items) Pack(ReadOnlySpan<int> lengths, int capacity)
    {
        var spaces = new Spaces(capacity);
        int[] order = LongestFirst(lengths, capacity), binOf = new int[order.Length];
        int bins = 0;
        for (int i = 0; i < order.Length; i++)
        {
            int length = lengths[order[i]];
            int space = spaces.SmallestAtLeast(length);
            int bin = space < 0 ? bins++ : spaces.Take(space);
            binOf[i] = bin;
            spaces.Add(bin, (space < 0 ? capacity : space) - length);
        }

        return ByBin(order, binOf, bins);
    }

    /// <summary>Counting sort that keeps the order within a bin.</summary>
    private static (int[] Starts, int[] Items) ByBin(int[] order, int[] binOf, int bins)
    {
        int[] starts = new int[bins + 1], items = new int[order.Length];
        foreach (int bin in binOf) starts[bin + 1]++;
        for (int bin = 0; bin < bins; bin++) starts[bin + 1] += starts[bin];
        int[] next = starts[..bins];
        for (int i = 0; i < order.Length; i++) items[next[binOf[i]]++] = order[i];
        return (starts, items);
    }

    /// <summary>Stable counting sort, descending, without the empty ones.</summary>
    private static int[] LongestFirst(ReadOnlySpan<int> lengths, int capacity)
    {
        int[] starts = new int[capacity + 2];
        foreach (int length in lengths) starts[length]++;
        int total = 0;
        for (int length = capacity; length > 0; length--)
        {
            int count = starts[length];
            starts[length] = total;
            total += count;
        }

        int[] order = new int[total];
        for (int i = 0; i < lengths.Length; i++)
        {
            if (lengths[i] > 0) order[starts[lengths[i]]++] = i;
        }

        return order;
    }

    /// <summary>Open bins, in a first-in-first-out queue per free space.</summary>
    private sealed class Spaces(int capacity)
    {
        private readonly Queue<int>?[] _queues = new Queue<int>?[capacity + 1];
        private readonly ulong[] _occupied = new ulong[(capacity / 64) + 1];

        public void Add(int bin, int space)
        {
            if (space == 0) return;
            (_queues[space] ??= new()).Enqueue(bin);
            _occupied[space / 64] |= 1UL << (space % 64);
        }

        public int Take(int space)
        {
            var queue = _queues[space]!;
            int bin = queue.Dequeue();
            if (queue.Count == 0) _occupied[space / 64] &= ~(1UL << (space % 64));
            return bin;
        }

        /// <summary>The smallest free space of at least this size, or −1.</summary>
        public int SmallestAtLeast(int size)
        {
            int word = size / 64;
            ulong bits = _occupied[word] & (ulong.MaxValue << (size % 64));
            while (bits == 0)
            {
                if (++word == _occupied.Length) return -1;
                bits = _occupied[word];
            }

            return (word * 64) + BitOperations.TrailingZeroCount(bits);
        }
    }
}
