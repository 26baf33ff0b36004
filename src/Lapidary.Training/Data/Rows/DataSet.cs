using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Training;

/// <summary>Rows in memory, in the order of their files; immutable.</summary>
public sealed partial class DataSet
{
    private readonly DataRow[] _rows;

    /// <summary>Takes rows as they are; errors name those made in memory by their number.</summary>
    public DataSet(IEnumerable<DataRow> rows) => _rows =
        [.. rows.Select((row, i) => row.Origin == default ? row with { Origin = new("data set", "row", i + 1) } : row)];

    /// <summary>The rows in order.</summary>
    public IReadOnlyList<DataRow> Rows => _rows;

    /// <summary>Number of rows.</summary>
    public int Count => _rows.Length;

    /// <summary>The rows in an order that depends on the seed alone: Fisher–Yates over SplitMix64, fixed for all versions.</summary>
    public DataSet Shuffle(long seed)
    {
        var rows = (DataRow[])_rows.Clone();
        new StableRandom((ulong)seed).Shuffle(rows.AsSpan());
        return new(rows);
    }

    /// <summary>The first rows.</summary>
    /// <exception cref="LapidaryException">There are fewer, or none is asked for.</exception>
    public DataSet Select(int count)
    {
        if (count < 1 || count > Count) throw new LapidaryException($"Select: expected 1 to {Count} rows, found {count}; ask for fewer.");
        return new(_rows[..count]);
    }

    /// <summary>Shuffles as <see cref="Shuffle"/> does, then gives the first rows to the test set and the others to the training
    /// set.</summary>
    /// <param name="testSize">Rows of the test set where 1 or more, else the share of them, rounded up.</param> <param name="seed">The
    /// seed.</param>
    /// <exception cref="LapidaryException">One of the sets would be empty, or a count is not whole.</exception>
    public (DataSet Train, DataSet Test) TrainTestSplit(double testSize, long seed)
    {
        // The small subtraction keeps 0.07 · 100 = 7.000000000000001 from becoming 8.
        double count = testSize < 1 ? Math.Ceiling((testSize * Count) - 1e-9) : testSize;
        if (!(count >= 1 && count < Count) || count != Math.Floor(count))
        {
            throw new LapidaryException(
                $"Train-test split of {Count} rows: expected a share below 1 or a whole number from 1 to {Count - 1}, found {testSize}.");
        }

        var shuffled = Shuffle(seed)._rows;
        return (new(shuffled[(int)count..]), new(shuffled[..(int)count]));
    }
}
