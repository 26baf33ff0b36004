using Lapidary.Formats;
using Lapidary.Formats.Files;
using Lapidary.Training.Data.Files;
using Lapidary.Training.Data.Rows;

namespace Lapidary.Training;

/// <content>How rows are read.</content>
public sealed partial class DataSet
{
    /// <summary>Far more rows than memory holds with their texts: packed data that unpack to more are not meant to be read.</summary>
    private const int MaxRows = 1 << 25;

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
}
