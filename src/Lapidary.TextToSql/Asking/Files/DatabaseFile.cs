using Lapidary.Formats;
using Lapidary.TextToSql.Databases;
using SQLitePCL;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>A user's SQLite database. It is opened to read only, and nothing beside it is made or changed either.</summary>
/// <remarks>SQLite itself makes files beside a database in WAL mode, also to read it. So the way to open it depends on what is there:
/// without a log the file is whole, and SQLite is told that it does not change, which is checked afterwards; with a log and its index,
/// which another program keeps, both are read; with a log alone, which a program left, both are copied.</remarks>
internal sealed class DatabaseFile : IQuerySource
{
    private const int Attempts = 3, HeaderBytes = 100;

    private const string Log = "-wal", LogIndex = "-shm", Journal = "-journal";

    private readonly string _path;
    private readonly string _real;
    private readonly bool _hasLog;
    private readonly DatabaseCopy? _copy;

    private DatabaseFile(string path, string real, bool hasLog) => (_path, _real, _hasLog, _copy) =
        (path, real, hasLog, hasLog && HasLog(real) && !File.Exists(real + LogIndex) ? DatabaseCopy.Make(real, Path.GetTempPath()) : null);

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes =>
        _copy is null ? [] : [$"{_path}: a program left a log beside it; a copy of both is read, as they were at the start."];

    /// <inheritdoc/>
    public object Version => _copy is null ? (Stamp(), StampOf(_real + Log)) : _path;

    /// <summary>Opens a database.</summary>
    /// <param name="path">A file that begins as databases do, or a link to one.</param>
    /// <exception cref="LapidaryException">It cannot be read.</exception>
    public static DatabaseFile Open(string path)
    {
        string real = File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);
        return new DatabaseFile(path, real, IsInWalMode(path));
    }

    /// <inheritdoc/>
    public T Read<T>(GuardLimits limits, Func<GuardedDatabase, T> read, CancellationToken cancellationToken)
    {
        for (int attempt = 1; attempt <= Attempts; attempt++)
        {
            var before = Stamp();
            string uri = Uri(out bool isFixed);
            try
            {
                using var database = new GuardedDatabase(limits, null, uri, cancellationToken);
                var result = read(database);
                if (!isFixed || Stamp() == before) return result;
            }
            catch (DatabaseFailure failure) when (failure.Failure.Kind == SqlFailureKind.Unreadable)
            {
                if (!isFixed || Stamp() == before) throw Explained(failure);
            }
        }

        throw new LapidaryException($"{_path}: another program changes it all the time; try again when it has finished.");
    }

    /// <inheritdoc/>
    public void Dispose() => _copy?.Dispose();

    /// <summary>SQLite's URI for the state that the files are in.</summary>
    /// <param name="isFixed">Whether SQLite is told that the file does not change.</param>
    private string Uri(out bool isFixed)
    {
        isFixed = false;
        if (_copy is not null) return UriOf(_copy.Path) + "?mode=ro";
        if (!_hasLog) return UriOf(_real) + "?mode=ro";
        isFixed = !(File.Exists(_real + Log) && File.Exists(_real + LogIndex));
        return UriOf(_real) + (isFixed ? "?immutable=1" : "?mode=ro&readonly_shm=1");
    }

    private static string UriOf(string path)
    {
        string full = path.Replace('\\', '/');
        return "file:" + (full.StartsWith('/') ? "" : "/") + string.Join('/', full.Split('/').Select(System.Uri.EscapeDataString));
    }

    /// <summary>What changes when another program writes.</summary>
    private (DateTime Written, long Length, bool HasLog) Stamp()
    {
        var (written, length) = StampOf(_real);
        return (written, length, HasLog(_real));
    }

    private static (DateTime Written, long Length) StampOf(string path) =>
        new FileInfo(path) is { Exists: true } file ? (file.LastWriteTimeUtc, file.Length) : default;

    private static bool HasLog(string real) => StampOf(real + Log).Length > 0;

    /// <summary>The version with which programs must read the file: 2 for a write-ahead log.</summary>
    private static bool IsInWalMode(string path)
    {
        using var file = Formats.Files.InputFile.OpenRead(path, FileKinds.Expected);
        byte[] header = new byte[HeaderBytes];
        return file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) == header.Length && header[19] == 2;
    }

    private LapidaryException Explained(DatabaseFailure failure)
    {
        string message = failure.Failure.Message;
        string reason = (failure.Failure.Code & 0xFF) switch
        {
            raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_PROTOCOL =>
                "another program is writing to it, and has locked it; try again when it has finished.",
            raw.SQLITE_NOTADB => "expected an SQLite database, found one that is encrypted or damaged; check the path.",
            raw.SQLITE_CORRUPT => $"the database is damaged ({message}); restore an earlier copy, or save what is left with the command "
                + ".recover of the sqlite3 program.",
            _ when !Path.Exists(_real) => "was deleted or moved after it was opened; put it back, or start again with its new path.",
            raw.SQLITE_CANTOPEN or raw.SQLITE_READONLY or raw.SQLITE_IOERR when UnreadableBeside() is { } beside =>
                $"cannot be read without the file beside it, which cannot be opened ({beside}).",
            raw.SQLITE_CANTOPEN or raw.SQLITE_READONLY when File.Exists(_real + Journal) =>
                "a program ended while it wrote to it, and left a journal that must be rolled back; open it once with a program that may "
                + "write to it.",
            raw.SQLITE_CANTOPEN or raw.SQLITE_READONLY => $"could not be opened ({message}); check the path and its permissions.",
            _ => $"could not be read ({message}); check the disk.",
        };
        return new LapidaryException($"{_path}: {reason}", failure);
    }

    /// <summary>Why the log, its index or the journal cannot be opened; null where each that is there can be.</summary>
    private string? UnreadableBeside()
    {
        foreach (string path in new[] { _real + Log, _real + LogIndex, _real + Journal }.Where(Path.Exists))
        {
            try
            {
                using var file = Formats.Files.InputFile.OpenRead(path, "a file of SQLite");
            }
            catch (LapidaryException e)
            {
                return e.Message.TrimEnd('.');
            }
        }

        return null;
    }
}
