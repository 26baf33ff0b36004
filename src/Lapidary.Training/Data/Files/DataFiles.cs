using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.Training.Data.Files;

/// <summary>Finds the files of a data set and the reader of each.</summary>
internal static class DataFiles
{
    private const string Kinds = ".jsonl, .ndjson, .json, .csv, .tsv or .parquet";

    /// <summary>A template or another small file of the user's is at most 1 MiB.</summary>
    private const long MaxSmallFileBytes = 1 << 20;

    /// <summary>A file, the data files of a folder, or those that a pattern with * and ? in its last part matches, in ordinal
    /// order.</summary>
    public static IReadOnlyList<string> Find(string path)
    {
        if (File.Exists(path)) return [path];
        string pattern = Path.GetFileName(path);
        bool isPattern = pattern.AsSpan().ContainsAny('*', '?');
        string folder = isPattern ? Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : "." : path;
        if (!Directory.Exists(folder))
        {
            throw new LapidaryException(
                $"{path}: expected a data set file ({Kinds}), a folder of them or a pattern, found nothing; check the path.");
        }

        string[] files = Directory.GetFiles(folder, isPattern ? pattern : "*").Where(IsData).Order(StringComparer.Ordinal).ToArray();
        return files.Length > 0 ? files : throw new LapidaryException($"{path}: expected {Kinds} files, found none; check the path.");
    }

    /// <summary>The records of one file.</summary>
    public static IEnumerable<DataRecord> Read(string file)
    {
        using var stream = Open(file);
        var records = Path.GetExtension(file).ToUpperInvariant() switch
        {
            ".JSONL" or ".NDJSON" => JsonLinesRecords.Read(stream, file),
            ".JSON" => JsonRecords.Read(stream, file),
            ".CSV" => CsvRecords.Read(stream, file, ','),
            ".TSV" => CsvRecords.Read(stream, file, '\t'),
            ".PARQUET" => ParquetRecords.Read(stream, file),
            var other => throw new LapidaryException(
                $"{file}: expected a data set file ({Kinds}), found \"{other}\"; rename or convert it."),
        };
        foreach (var record in records) yield return record;
    }

    /// <summary>All bytes of a small file.</summary>
    public static byte[] ReadSmallFile(string file)
    {
        using var stream = Open(file);
        if (stream.Length > MaxSmallFileBytes)
            throw new LapidaryException($"{file}: expected at most {MaxSmallFileBytes} bytes, found {stream.Length}.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static bool IsData(string file) =>
        Path.GetExtension(file).ToUpperInvariant() is ".JSONL" or ".NDJSON" or ".JSON" or ".CSV" or ".TSV" or ".PARQUET";

    private static FileStream Open(string file)
    {
        try
        {
            return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        }
        catch (Exception error) when (FileErrors.IsFileSystem(error))
        {
            throw new LapidaryException($"{file}: cannot be opened: {error.Message}", error);
        }
    }
}
