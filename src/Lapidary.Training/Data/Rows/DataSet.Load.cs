using Lapidary.Formats;
using Lapidary.Hub;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;
using Lapidary.Training.Data.Sources;
using Lapidary.Training.Data.Storage;

namespace Lapidary.Training;

/// <content>How rows are read.</content>
public sealed partial class DataSet
{
    /// <summary>Far more rows than anybody trains on; a compressed file that unpacks to more is not meant to be read.</summary>
    private const int MaxRows = 1 << 25;

    /// <summary>Rows between two reports of progress: some milliseconds.</summary>
    private const int RowsOfAReport = 1 << 12;

    /// <summary>Reads a local data set or one of the Hub; the train split unless another is given.</summary>
    /// <param name="pathOrId">A .jsonl, .ndjson, .json, .csv, .tsv or .parquet file (all but the last also as .gz or .zst), a pipe, a
    /// folder of files, or a pattern with * and ? in its last part. Or "owner/name" of the Hub, optionally with "@revision"; only the files
    /// of the split are fetched. A local path takes precedence over an id. ":split" may follow. Several files are read in ordinal order of
    /// their names.</param>
    /// <param name="options">How columns become rows, and which rows to keep; null detects it from the column names and keeps all.</param>
    /// <param name="split">Which rows, in the syntax of datasets: "train", "train[:1000]", "train[90%:]", "train+validation".</param>
    /// <param name="config">The config of the data set's card; null for the default config.</param>
    /// <param name="client">The client of the Hub; null for one configured by the environment.</param>
    /// <exception cref="LapidaryException">A file cannot be read or fetched, the split or config does not exist, or a row is invalid; the
    /// message names file and line or row.</exception>
    public static DataSet Load(
        string pathOrId, DataSetOptions? options = null, string? split = null, string? config = null, HubClient? client = null) =>
        Load(DataSource.Find(pathOrId, new HubAccess(client), config, split).FetchRows(), Of(pathOrId, options), out _);

    /// <summary>Reads a data set from a stream, once, to its end.</summary>
    /// <param name="stream">The bytes, plain or compressed with gzip or zstd.</param>
    /// <param name="name">The stream's name in errors.</param>
    /// <param name="options">How columns become rows; without a format, the stream is read as JSON Lines.</param>
    /// <exception cref="LapidaryException">A row is invalid; the message names the line or row.</exception>
    public static DataSet Read(Stream stream, string name, DataSetOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Read(stream, name, options ?? new(), out _);
    }

    /// <summary>Reads the rows of a stream.</summary>
    internal static DataSet Read(Stream stream, string name, DataSetOptions options, out long leftOut)
    {
        var records = new RecordReader(options);
        var rows = NewRows(options);
        Append(rows, records.Read(stream, name), options);
        leftOut = records.LeftOut;
        return new(NotEmpty(rows, name, leftOut), options);
    }

    /// <summary>Reads the rows to train on and the rows to evaluate on: the splits train and validation. As in Hugging Face's datasets, the
    /// data set's card defines them, or the words train, validation, valid, dev, val, test or eval in the names of folders or files. Test
    /// rows are neither read nor fetched.</summary>
    /// <returns>The rows, and those of the validation split; null if it does not exist.</returns>
    /// <inheritdoc cref="Load(string, DataSetOptions?, string?, string?, HubClient?)"/>
    public static (DataSet Train, DataSet? Validation) LoadSplits(
        string pathOrId, DataSetOptions? options = null, string? config = null, HubClient? client = null)
    {
        var source = DataSource.Find(pathOrId, new HubAccess(client), config);
        options = Of(pathOrId, options);
        var train = Load(source.FetchRows(), options, out _);
        return (train, source.FetchValidation() is { } validation ? Load(validation, options, out _) : null);
    }

    /// <summary>Reads rows of files.</summary>
    /// <param name="parts">Which; they follow each other.</param>
    /// <param name="options">How columns become rows, and which rows to keep.</param>
    /// <param name="leftOut">Rows that filters left out.</param>
    internal static DataSet Load(IReadOnlyList<SourceRows> parts, DataSetOptions options, out long leftOut)
    {
        (var rows, leftOut) = KnownRows.Load(parts, options, () =>
        {
            var reader = new RecordReader(options);
            var rows = NewRows(options);
            foreach (var part in parts)
                foreach (var records in reader.Read(part)) Append(rows, records, options);
            return (NotEmpty(rows, parts[0].Source.Name, reader.LeftOut), reader.LeftOut);
        });
        return new(rows, options);
    }

    private static DataSetOptions Of(string pathOrId, DataSetOptions? options) => (options ?? new()) with { Source = pathOrId };

    private static StoredRows.Builder NewRows(DataSetOptions options) => new(options.Limits, CacheFolder.Of(options.CacheDir)?.Path);

    private static void Append(StoredRows.Builder rows, IEnumerable<DataRecord> records, DataSetOptions options)
    {
        var reader = new RowReader(options);
        foreach (var record in records)
        {
            if (rows.Count == MaxRows) throw record.Origin.Error($"expected at most {MaxRows} rows, found more; split the data set.");
            rows.Add(reader.Read(record));
            if (rows.Count % RowsOfAReport == 0) options.Progress?.Report(new("reading rows", rows.Count, Total: 0, "rows"));
        }
    }

    private static StoredRows NotEmpty(StoredRows.Builder rows, string name, long leftOut)
    {
        if (rows.Count > 0) return rows.Build();
        string why = leftOut > 0 ? $", as the filters left out all {leftOut} rows; change one" : "";
        throw new LapidaryException($"{name}: expected at least one row, found none{why}.");
    }
}
