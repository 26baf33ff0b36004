using Lapidary.Formats;
using Lapidary.Formats.Files;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>A copy of a database and its log in a folder of its own, which nobody else may read and which goes with it.</summary>
internal sealed class DatabaseCopy : IDisposable
{
    private const string Log = "-wal";

    private readonly string _folder;

    private DatabaseCopy(string folder) => _folder = folder;

    /// <summary>The copy.</summary>
    public string Path => System.IO.Path.Combine(_folder, "copy.db");

    /// <summary>Copies a database with its log.</summary>
    /// <exception cref="LapidaryException">The disk is full, there is no folder for temporary files, or one cannot be read.</exception>
    /// <param name="database">The database.</param>
    /// <param name="place">The folder for temporary files.</param>
    public static DatabaseCopy Make(string database, string place)
    {
        using var data = InputFile.OpenRead(database, "an SQLite database");
        using var log = InputFile.OpenRead(database + Log, "the log of an SQLite database");
        if (!Directory.Exists(place))
        {
            throw new LapidaryException($"{place}: expected the folder for temporary files, found none; set TMPDIR (on Windows TMP) to a "
                + $"folder that exists. A copy of {database} and its log is made there, as a program left that log.");
        }

        string name = "lapidary-" + System.IO.Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal);
        string folder = System.IO.Path.Combine(place, name);
        var copy = new DatabaseCopy(folder);
        try
        {
            TemporaryPaths.Add(folder, () => OperatingSystem.IsWindows()
                ? Directory.CreateDirectory(folder)
                : Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));
            Copy(data, copy.Path);
            Copy(log, copy.Path + Log);
            return copy;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            copy.Dispose();
            throw FileErrors.Writing(folder, e);
        }
    }

    private static void Copy(Stream source, string path)
    {
        using var target = new FileStream(path, FileMode.CreateNew);
        source.CopyTo(target);
    }

    /// <inheritdoc/>
    public void Dispose() => TemporaryPaths.Remove(_folder, () =>
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    });
}
