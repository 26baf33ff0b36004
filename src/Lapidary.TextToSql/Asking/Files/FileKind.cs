using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>What kind of data a file has.</summary>
internal enum FileKind
{
    /// <summary>An SQLite database.</summary>
    Database,

    /// <summary>Text with separators.</summary>
    Csv,

    /// <summary>Apache Parquet.</summary>
    Parquet,
}

/// <summary>Tells the kind of a file by its first bytes, and of a text by its name.</summary>
internal static class FileKinds
{
    /// <summary>What is expected, in words.</summary>
    public const string Expected = "an SQLite database, a CSV or a Parquet file";

    private static readonly string[] TextEndings = [".csv", ".tsv", ".txt"], PackedEndings = [".gz", ".zst"];

    private static readonly string[] OtherEndings = [".parquet", ".db", ".db3", ".sqlite", ".sqlite3", ".s3db", ".duckdb"];

    /// <summary>Whether a word can only be the name of a data file: it ends like one.</summary>
    public static bool IsName(string word) =>
        Array.Exists([.. TextEndings, .. PackedEndings, .. OtherEndings], end => word.EndsWith(end, StringComparison.OrdinalIgnoreCase));

    /// <summary>The kind of a file.</summary>
    /// <exception cref="LapidaryException">It is not there, a folder or pipe, empty, or something else.</exception>
    public static FileKind Of(string path)
    {
        using var file = InputFile.OpenRead(path, Expected);
        Span<byte> start = stackalloc byte[16];
        int length;
        try
        {
            length = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            throw FileErrors.Reading(path, e);
        }

        start = start[..length];
        if (start.SequenceEqual("SQLite format 3\0"u8)) return FileKind.Database;
        if (start.StartsWith("PAR1"u8)) return FileKind.Parquet;
        if (start.IsEmpty) throw new LapidaryException($"{path}: expected {Expected}, found an empty file; check the path.");
        if (IsText(path)) return FileKind.Csv;
        string ending = Path.GetExtension(path);
        string found = Array.Exists(OtherEndings, other => other.Equals(ending, StringComparison.OrdinalIgnoreCase))
            ? "other bytes, so it is damaged, encrypted or from another program"
            : $"neither the bytes of one nor the ending {string.Join(", ", TextEndings)}";
        throw new LapidaryException($"{path}: expected {Expected}, found {found}; check the path.");
    }

    /// <summary>Whether fields can only be separated by tabs.</summary>
    public static bool IsTabbed(string path) => EndsWith(Unpacked(path), ".tsv");

    /// <summary>A file's name without the endings of its kind.</summary>
    public static string Stem(string path)
    {
        string name = Path.GetFileName(Unpacked(path));
        string? end = Array.Find([.. TextEndings, ".parquet"], end => EndsWith(name, end));
        return end is null ? name : name[..^end.Length];
    }

    private static bool IsText(string path) => Array.Exists(TextEndings, end => EndsWith(Unpacked(path), end));

    private static string Unpacked(string path) =>
        Array.Find(PackedEndings, end => EndsWith(path, end)) is { } end ? path[..^end.Length] : path;

    private static bool EndsWith(string path, string end) => path.EndsWith(end, StringComparison.OrdinalIgnoreCase);
}
