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

    /// <summary>Rows of several data sets in given shares. How many of each is exact, not drawn.</summary>
    /// <param name="sets">At least one.</param>
    /// <param name="shares">Of the rows, one for each set, above 0; only how they compare matters: 7 and 3 are 0.7 and 0.3.</param>
    /// <param name="seed">Which rows of a set are taken: the first ones of set number i (from 0) as <see cref="Shuffle"/> orders it with
    /// seed + i; null takes them in order.</param>
    /// <param name="stopping">How many rows in all.</param>
    /// <returns>The rows, mixed so that any first part of them has about the same shares.</returns>
    /// <exception cref="LapidaryException">The shares are not what they should be, or rows would be repeated far too often.</exception>
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

        // The rounds of a set that is repeated have an order of their own each: that of Shuffle.
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

    /// <summary>Places of so many rows of each set, evenly spread.</summary>
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

/// <summary>When a mixture of data sets has enough rows; the names are those of datasets' interleave_datasets.</summary>
public enum MixStopping
{
    /// <summary>As soon as one data set is used up: no row is there twice, and the others give only their share.</summary>
    FirstExhausted,

    /// <summary>When all data sets are used up: rows of the smaller ones are there several times.</summary>
    AllExhausted,
}
