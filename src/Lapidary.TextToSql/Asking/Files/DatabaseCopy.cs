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
    /// <exception cref="Formats.LapidaryException">The disk is full, or one cannot be read.</exception>
    public static DatabaseCopy Make(string database)
    {
        string name = "lapidary-" + System.IO.Path.GetRandomFileName().Replace(".", "", StringComparison.Ordinal);
        string folder = System.IO.Path.Combine(System.IO.Path.GetTempPath(), name);
        var copy = new DatabaseCopy(folder);
        try
        {
            TemporaryPaths.Add(folder, () => OperatingSystem.IsWindows()
                ? Directory.CreateDirectory(folder)
                : Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute));
            File.Copy(database, copy.Path);
            File.Copy(database + Log, copy.Path + Log);
            return copy;
        }
        catch (Exception e) when (FileErrors.IsFileSystem(e))
        {
            copy.Dispose();
            throw FileErrors.Writing(folder, e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => TemporaryPaths.Remove(_folder, () =>
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    });
}
