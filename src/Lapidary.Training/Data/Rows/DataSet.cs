using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Training;

/// <summary>Rows in memory, in the order of their files; immutable.</summary>
public sealed class DataSet
{
    /// <summary>Far more rows than memory holds with their texts: packed data that unpack to more are not meant to be read.</summary>
    private const int MaxRows = 1 << 25;

    private readonly DataRow[] _rows;

    /// <summary>Takes rows as they are; errors name those made in memory by their number.</summary>
    public DataSet(IEnumerable<DataRow> rows) => _rows =
        [.. rows.Select((row, i) => row.Origin == default ? row with { Origin = new("data set", "row", i + 1) } : row)];

    /// <summary>The rows in order.</summary>
    public IReadOnlyList<DataRow> Rows => _rows;

    /// <summary>Number of rows.</summary>
    public int Count => _rows.Length;

    /// <summary>Reads a data set; of a folder with splits the one to train on.</summary>
    /// <param name="path">A .jsonl, .ndjson, .json, .csv, .tsv or .parquet file, all but the last also as .gz or .zst; a pipe; a folder of
    /// files; or a pattern with * and ? in its last part. Several files are read in ordinal order of their names.</param>
    /// <param name="options">How columns become rows; null tells it from their names.</param>
    /// <exception cref="LapidaryException">A file cannot be read or a row is not what it should be; the message names file and line or
    /// row.</exception>
    public static DataSet Load(string path, DataSetOptions? options = null) => Load(path, SplitFiles.Find(path).Train, options ?? new());

    /// <summary>Reads a data set from a stream, once and to its end.</summary>
    /// <param name="stream">Its bytes, plain or packed with gzip or zstd.</param> <param name="name">What errors call it.</param>
    /// <param name="options">How columns become rows; without a format the stream holds JSON Lines.</param>
    /// <exception cref="LapidaryException">A row is not what it should be; the message names the line or row.</exception>
    public static DataSet Read(Stream stream, string name, DataSetOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        options ??= new();
        List<DataRow> rows = [];
        Append(rows, name, DataFiles.Read(stream, name, options.Format ?? DataFormat.Jsonl), options);
        return NotEmpty(rows, name);
    }

    /// <summary>Reads a folder's rows to train on and those to evaluate on, told apart as Hugging Face's datasets does: by train,
    /// validation, valid, dev, val, test or eval as a word in the names of folders or files. Rows for a test are not read.</summary>
    /// <returns>The rows, and those of the validation split, or null where there is none.</returns>
    /// <inheritdoc cref="Load(string, DataSetOptions?)"/>
    public static (DataSet Train, DataSet? Validation) LoadSplits(string path, DataSetOptions? options = null)
    {
        var files = SplitFiles.Find(path);
        options ??= new();
        return (Load(path, files.Train, options), files.Validation.Count == 0 ? null : Load(path, files.Validation, options));
    }

    /// <summary>Reads files.</summary>
    internal static DataSet Load(string path, IReadOnlyList<string> files, DataSetOptions options)
    {
        List<DataRow> rows = [];
        foreach (string file in files) Append(rows, file, DataFiles.Read(file, options.Format), options);
        return NotEmpty(rows, path);
    }

    private static void Append(List<DataRow> rows, string file, IEnumerable<DataRecord> records, DataSetOptions options)
    {
        var reader = new RowReader(options);
        try
        {
            foreach (var record in records)
            {
                if (rows.Count == MaxRows) throw record.Origin.Error($"expected at most {MaxRows} rows, found more; split the data set.");
                rows.Add(reader.Read(record));
            }
        }
        catch (Exception error) when (Decompression.IsBroken(error))
        {
            throw new LapidaryException(
                $"{file}: expected whole gzip or zstd data, found broken ones ({FileErrors.OneLine(error.Message)}); "
                + "download or pack it again.",
                error);
        }
        catch (Exception error) when (FileErrors.IsFileSystem(error))
        {
            throw FileErrors.Reading(file, error);
        }
    }

    private static DataSet NotEmpty(List<DataRow> rows, string path) =>
        rows.Count > 0 ? new(rows) : throw new LapidaryException($"{path}: expected at least one row, found none.");

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
