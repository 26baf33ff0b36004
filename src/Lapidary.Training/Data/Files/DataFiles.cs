using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Files;

/// <summary>Opens the files of a data set and chooses the reader of each.</summary>
internal static class DataFiles
{
    public const string Kinds = ".jsonl, .ndjson, .json, .csv, .tsv or .parquet";

    /// <summary>Whether the name is that of a data file, compressed or not.</summary>
    public static bool IsData(string file) => FormatOf(file) is not null;

    /// <summary>The records of one file, pipe or device.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="format">The format; null detects it from the name.</param>
    public static IEnumerable<DataRecord> Read(string file, DataFormat? format)
    {
        using var stream = Open(file);
        foreach (var record in Read(stream, file, format ?? FormatOf(file) ?? FormatOfStream(stream, file))) yield return record;
    }

    /// <summary>Number of records. Parquet stores it; other files are read to count.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="format">The format; null detects it from the name.</param>
    public static long Count(string file, DataFormat? format)
    {
        if ((format ?? FormatOf(file)) != DataFormat.Parquet) return Read(file, format).LongCount();
        using var stream = Open(file);
        return ParquetRecords.Count(stream, file);
    }

    /// <summary>The records of a stream, which is read once.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="name">Its name in errors.</param>
    /// <param name="format">The format.</param>
    public static IEnumerable<DataRecord> Read(Stream stream, string name, DataFormat format)
    {
        if (format == DataFormat.Parquet)
        {
            if (!stream.CanSeek)
                throw new LapidaryException($"{name}: expected a Parquet file, which is read from its end, found a pipe; save it first.");
            foreach (var record in ParquetRecords.Read(stream, name)) yield return record;
            yield break;
        }

        using var plain = Decompression.Open(stream);
        var records = format switch
        {
            DataFormat.Json => JsonRecords.Read(plain, name),
            DataFormat.Csv => CsvRecords.Read(plain, name, ','),
            DataFormat.Tsv => CsvRecords.Read(plain, name, '\t'),
            _ => JsonLinesRecords.Read(plain, name),
        };
        foreach (var record in records) yield return record;
    }

    /// <summary>The format that a file name indicates, compressed or not; null if unknown.</summary>
    public static DataFormat? FormatOf(string file)
    {
        string name = Path.GetFileName(file).ToUpperInvariant();
        bool isPacked = Decompression.Extensions.Contains(Path.GetExtension(name));
        return Path.GetExtension(isPacked ? Path.GetFileNameWithoutExtension(name) : name) switch
        {
            ".JSONL" or ".NDJSON" => DataFormat.Jsonl,
            ".JSON" => DataFormat.Json,
            ".CSV" => DataFormat.Csv,
            ".TSV" => DataFormat.Tsv,
            ".PARQUET" when !isPacked => DataFormat.Parquet,
            _ => null,
        };
    }

    /// <summary>The format of a pipe or a device, whose name tells nothing: JSON Lines.</summary>
    private static DataFormat FormatOfStream(FileStream stream, string file)
    {
        if (!stream.CanSeek || file.StartsWith("/dev/", StringComparison.Ordinal)) return DataFormat.Jsonl;
        throw new LapidaryException(
            $"{file}: expected a data set file ({Kinds}), found \"{Path.GetExtension(file)}\"; "
            + "rename it, convert it or give dataset_format.");
    }

    /// <summary>Opens a file, pipe or device; a pipe waits for its writer.</summary>
    public static FileStream Open(string file)
    {
        try
        {
            return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (FileErrors.IsFileSystem(error))
        {
            throw FileErrors.Reading(file, error);
        }
    }
}
