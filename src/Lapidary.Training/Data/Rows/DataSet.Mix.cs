using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Training;

/// <content>Several data sets in one.</content>
public sealed partial class DataSet
{
    /// <summary>All rows of several data sets, one after the other.</summary>
    public static DataSet Concatenate(params IReadOnlyList<DataSet> sets)
    {
        ArgumentNullException.ThrowIfNull(sets);
        return sets.Count > 0 ? Join(sets) : throw new LapidaryException("Concatenate: expected at least one data set, found none.");
    }

    /// <summary>Mixes rows of several data sets in given shares. The number of rows from each is exact, not random.</summary>
    /// <param name="sets">At least one.</param>
    /// <param name="shares">The share of each set, above 0. Only the ratios matter: 7 and 3 mean the same as 0.7 and 0.3.</param>
    /// <param name="seed">Decides which rows of a set are taken: the first rows of set i (from 0) in the order of <see cref="Shuffle"/>
    /// with seed + i; null takes them in order.</param>
    /// <param name="stopping">When to stop, which decides the total number of rows.</param>
    /// <returns>The rows, mixed so that every prefix has about the same shares.</returns>
    /// <exception cref="LapidaryException">The shares are invalid, or rows would be repeated far too often.</exception>
    public static DataSet Mix(
        IReadOnlyList<DataSet> sets, IReadOnlyList<double> shares, long? seed, MixStopping stopping = MixStopping.FirstExhausted)
    {
        ArgumentNullException.ThrowIfNull(sets);
        ArgumentNullException.ThrowIfNull(shares);
        int[] counts = Counts([.. sets.Select(set => set.Count)], shares, stopping);
        int[] starts = new int[sets.Count];
        for (int set = 1; set < starts.Length; set++) starts[set] = starts[set - 1] + sets[set - 1].Count;
        int[][] orders = [.. sets.Select(set => Enumerable.Range(0, set.Count).ToArray())];
        return Join(sets).Pick([.. Order(counts).Select(place => starts[place.Set] + Row(place.Set, place.Number))]);

        // Each round of a repeated set has a different order: that of Shuffle.
        int Row(int set, int number)
        {
            int place = number % sets[set].Count, round = number / sets[set].Count;
            if (place == 0 && seed is { } first)
            {
                for (int i = 0; i < orders[set].Length; i++) orders[set][i] = i;
                new StableRandom((ulong)unchecked(first + set + (long)round * sets.Count)).Shuffle(orders[set].AsSpan());
            }

            return orders[set][place];
        }
    }

    /// <summary>How many rows of each set: shares of a whole number of rows, rounded so that they add up.</summary>
    private static int[] Counts(int[] available, IReadOnlyList<double> shares, MixStopping stopping)
    {
        if (shares.Count != available.Length || shares.Count == 0)
            throw new LapidaryException($"mix: expected a share for each of {available.Length} data sets, found {shares.Count}.");
        foreach (double share in shares.Where(share => !(share > 0 && double.IsFinite(share))))
            throw new LapidaryException($"mix: expected shares above 0, found {share}; leave a data set out instead.");
        double sum = shares.Sum();
        double[] wholes = [.. available.Select((count, i) => count * sum / shares[i])];

        // The small number keeps 0.7 · 10,000 / 0.7 = 9,999.999… from becoming 9,999.
        double total = stopping == MixStopping.FirstExhausted ? Math.Floor(wholes.Min() + 1e-6) : Math.Ceiling(wholes.Max() - 1e-6);
        if (total > MaxRows)
        {
            throw new LapidaryException(
                $"mix: expected at most {MaxRows} rows in all, found {total:F0} until every data set is used up; "
                + "raise the smallest share.");
        }

        double[] exact = [.. shares.Select(share => share / sum * total)];
        int[] counts = [.. exact.Select((rows, i) => Limit((int)Math.Floor(rows + 1e-6), i))];
        foreach (int i in Enumerable.Range(0, counts.Length).OrderByDescending(i => exact[i] - counts[i]))
            if (counts.Sum() < total) counts[i] = Limit(counts[i] + 1, i);
        return Array.TrueForAll(counts, count => count > 0)
            ? counts
            : throw new LapidaryException($"mix: expected enough rows for a row of each share, found {string.Join(", ", available)} rows.");

        int Limit(int rows, int i) => stopping == MixStopping.FirstExhausted ? Math.Min(rows, available[i]) : Math.Max(rows, available[i]);
    }

    /// <summary>Positions of the rows of each set, evenly spread.</summary>
    private static IEnumerable<(int Set, int Number)> Order(int[] counts)
    {
        var next = new PriorityQueue<(int Set, int Number), (double Place, int Set)>();
        for (int set = 0; set < counts.Length; set++) next.Enqueue((set, 0), (0.5 / counts[set], set));
        while (next.TryDequeue(out var place, out _))
        {
            yield return place;
            int number = place.Number + 1;
            if (number < counts[place.Set]) next.Enqueue((place.Set, number), ((number + 0.5) / counts[place.Set], place.Set));
        }
    }
}

/// <summary>When a mixture of data sets has enough rows. The names follow datasets' interleave_datasets.</summary>
public enum MixStopping
{
    /// <summary>As soon as one data set is used up: no row is repeated, and the other sets give only their share.</summary>
    FirstExhausted,

    /// <summary>When all data sets are used up: rows of smaller sets are repeated.</summary>
    AllExhausted,
}
