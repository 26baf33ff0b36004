using System.Numerics;

namespace Lapidary.Training.Data.Packing;

/// <summary>Best-fit decreasing bin packing in O(n · capacity / 64) at worst.</summary>
/// <remarks>Longest first, ties in order. Each goes into the open bin with the smallest sufficient space, among equals into the one that
/// came to that space first, else into a new bin. Bins come out in the order they were opened. Same rule as TRL's "bfd".
/// <para>Bins are queued by their free space, and a bit per space says whether its queue holds any, so the best bin is the next set
/// bit.</para></remarks>
internal static class BestFitDecreasing
{
    /// <summary>Packs items into bins.</summary>
    /// <param name="lengths">Item sizes; those of 0 are left out, none is above the capacity.</param> <param name="capacity">Size of a
    /// bin.</param>
    /// <returns>The items' indices by bin, in the order they were put in.</returns>
    public static List<List<int>> Pack(ReadOnlySpan<int> lengths, int capacity)
    {
        List<List<int>> bins = [];
        var spaces = new Spaces(capacity);
        foreach (int item in LongestFirst(lengths, capacity))
        {
            int space = spaces.SmallestAtLeast(lengths[item]);
            int bin;
            if (space < 0)
            {
                bin = bins.Count;
                space = capacity;
                bins.Add([]);
            }
            else
            {
                bin = spaces.Take(space);
            }

            bins[bin].Add(item);
            spaces.Add(bin, space - lengths[item]);
        }

        return bins;
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
