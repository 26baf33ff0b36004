using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Training;

/// <summary>Rows in memory, in the order of their files; immutable.</summary>
public sealed class DataSet
{
    private readonly DataRow[] _rows;

    /// <summary>Takes rows as they are; errors name those made in memory by their number.</summary>
    public DataSet(IEnumerable<DataRow> rows) => _rows =
        [.. rows.Select((row, i) => row.Origin == default ? row with { Origin = new("data set", "row", i + 1) } : row)];

    /// <summary>The rows in order.</summary>
    public IReadOnlyList<DataRow> Rows => _rows;

    /// <summary>Number of rows.</summary>
    public int Count => _rows.Length;

    /// <summary>Reads a data set.</summary>
    /// <param name="path">A .jsonl, .ndjson, .json, .csv, .tsv or .parquet file, a folder of them, or a pattern with * and ? in its last
    /// part; several files are read in ordinal order of their names.</param>
    /// <param name="options">How columns become rows; null tells it from their names.</param>
    /// <exception cref="LapidaryException">A file cannot be read or a row is not what it should be; the message names file and line or
    /// row.</exception>
    public static DataSet Load(string path, DataSetOptions? options = null)
    {
        List<DataRow> rows = [];
        foreach (string file in DataFiles.Find(path))
        {
            var reader = new RowReader(options ?? new());
            try
            {
                foreach (var record in DataFiles.Read(file)) rows.Add(reader.Read(record));
            }
            catch (Exception error) when (FileErrors.IsFileSystem(error))
            {
                throw new LapidaryException($"{file}: cannot be read: {error.Message}", error);
            }
        }

        return rows.Count > 0 ? new(rows) : throw new LapidaryException($"{path}: expected at least one row, found none.");
    }

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
