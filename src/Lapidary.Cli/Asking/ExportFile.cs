using Lapidary.Cli.CommandLine;
using Lapidary.Formats.Files;
using Lapidary.TextToSql;

namespace Lapidary.Cli.Asking;

/// <summary>The file that :export writes. No shell has looked at its name.</summary>
internal static class ExportFile
{
    /// <summary>What SQLite adds to the name of a database for its other files; nothing for the database itself.</summary>
    private static readonly string[] BesideDatabase = ["", "-wal", "-shm", "-journal"];

    /// <summary>Endings that promise another format than CSV.</summary>
    private static readonly string[] OtherEndings =
    [
        ".parquet", ".json", ".jsonl", ".ndjson", ".tsv", ".xlsx", ".xls", ".ods", ".db", ".sqlite", ".sqlite3", ".sql", ".html", ".md",
        ".gz", ".zst", ".zip",
    ];

    /// <summary>A typed name as a path: without quotes around it, and with the home folder in place of ~.</summary>
    public static string PathOf(string typed)
    {
        bool isQuoted = typed.Length > 1 && typed[0] is '"' or '\'' && typed[^1] == typed[0];
        if (isQuoted) return typed[1..^1];
        return typed == "~" || typed.StartsWith("~/", StringComparison.Ordinal)
            ? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + typed[1..] : typed;
    }

    /// <summary>Writes rows as CSV.</summary>
    /// <param name="path">The file; its folder must be there.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="replace">Whether a file of that name may be replaced.</param>
    /// <param name="hint">How to replace one.</param>
    /// <param name="asked">The files that are asked, which nothing may replace.</param>
    /// <exception cref="Formats.LapidaryException">The file cannot be written, is there already, or has the name of another
    /// format.</exception>
    public static void Write(string path, SqlResult rows, bool replace, string hint, IReadOnlyList<string> asked)
    {
        if (Directory.Exists(path)) throw new ToolException($"{path}: is a folder; name a file in it.");
        AtomicFile.RequireOrdinary(path);
        if (Path.Exists(path) && asked.Any(file => IsPartOf(file, path)))
            throw new ToolException($"{path}: belongs to the data that is asked, which stays as it is; choose another name.");
        string ending = Path.GetExtension(path), stem = Path.GetFileNameWithoutExtension(path);
        if (OtherEndings.Contains(ending, StringComparer.OrdinalIgnoreCase))
            throw new ToolException($"{path}: expected the name of a CSV file, found the ending {ending}; name it {stem}.csv.");

        if (!replace && Path.Exists(path)) throw new ToolException($"{path}: is there already; choose another name, or {hint}.");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder)) throw new ToolException($"{path}: there is no folder {folder}; make it, or name another one.");
        AtomicFile.WriteAllText(path, RowText.Csv(rows));
    }

    /// <summary>Whether a file is an asked one, or one that SQLite keeps beside it.</summary>
    private static bool IsPartOf(string asked, string path)
    {
        string data = RealPath(asked), file = RealPath(path);
        var comparison = OperatingSystem.IsLinux() ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
        return BesideDatabase.Any(end => string.Equals(data + end, file, comparison));
    }

    /// <summary>The path of something that is there, without links.</summary>
    private static string RealPath(string path)
    {
        string full = Path.GetFullPath(path);
        if (Path.GetDirectoryName(full) is not { } folder) return full;
        string joined = Path.Join(RealPath(folder), Path.GetFileName(full));
        return File.ResolveLinkTarget(joined, returnFinalTarget: true) is { } target ? RealPath(target.FullName) : joined;
    }
}
