using System.IO.Hashing;
using System.Runtime.InteropServices;
using Lapidary.Formats;

namespace Lapidary.Training.Data.Examples;

/// <summary>Rows with the same tokens and labels as an earlier row.</summary>
/// <param name="Count">Number of such rows.</param>
/// <param name="First">The first of them, from 1; 0 if there are none.</param>
/// <param name="Original">The row that it repeats, from 1; 0 if there are none.</param>
internal readonly record struct DuplicateRows(int Count, int First, int Original)
{
    /// <summary>Finds such rows; reads every example once.</summary>
    /// <exception cref="LapidaryException">The file with the examples cannot be read.</exception>
    public static DuplicateRows Find(ExampleSet set)
    {
        var rows = new Dictionary<UInt128, int>(set.Count);
        var reader = new ExampleReader(set);
        int count = 0, first = 0, original = 0;
        int[] tokens = [];
        for (int i = 0; i < set.Count; i++)
        {
            int length = set.Lengths[i];
            if (tokens.Length < 2 * length) tokens = new int[4 * length];
            reader.Read(i, 0, tokens.AsSpan(0, length), tokens.AsSpan(length, length));
            var hash = XxHash128.HashToUInt128(MemoryMarshal.AsBytes(tokens.AsSpan(0, 2 * length)));
            if (rows.TryAdd(hash, i)) continue;
            if (count++ == 0) (first, original) = (set.RowOf(i) + 1, set.RowOf(rows[hash]) + 1);
        }

        return new(count, first, original);
    }
}
