using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Files;

/// <summary>Opens the files of a data set and chooses the reader of each.</summary>
internal static class DataFiles
{
    public const string Kinds = ".jsonl, .ndjson, .json, .csv, .tsv or .parquet";

    /// <summary>Whether the name is that of a data file, packed or not.</summary>
    public static bool IsData(string file) => FormatOf(file) is not null;

    /// <summary>The records of one file, pipe or device.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="format">What it holds; null tells it from the name.</param>
    public static IEnumerable<DataRecord> Read(string file, DataFormat? format)
    {
        using var stream = Open(file);
        foreach (var record in Read(stream, file, format ?? FormatOf(file) ?? FormatOfStream(stream, file))) yield return record;
    }

    /// <summary>Number of records; Parquet tells it, other files are read for it.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="format">What it holds; null tells it from the name.</param>
    public static long Count(string file, DataFormat? format)
    {
        if ((format ?? FormatOf(file)) != DataFormat.Parquet) return Read(file, format).LongCount();
        using var stream = Open(file);
        return ParquetRecords.Count(stream, file);
    }

    /// <summary>The records of a stream, which is read once.</summary>
    /// <param name="stream">It.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="format">What it holds.</param>
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

    /// <summary>What the name of a file, packed or not, says it holds; null where it says nothing.</summary>
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

    /// <summary>What a pipe or a device holds, whose name says nothing: JSON Lines.</summary>
    private static DataFormat FormatOfStream(FileStream stream, string file)
    {
        if (!stream.CanSeek || file.StartsWith("/dev/", StringComparison.Ordinal)) return DataFormat.Jsonl;
        throw new LapidaryException(
            $"{file}: expected a data set file ({Kinds}), found \"{Path.GetExtension(file).ToUpperInvariant()}\"; "
            + "rename it, convert it or give dataset_format.");
    }

    /// <summary>Opens a file, pipe or device; of a pipe it waits for the other end.</summary>
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
