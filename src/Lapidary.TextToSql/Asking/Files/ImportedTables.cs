using Lapidary.Formats;
using Lapidary.TextToSql.Databases;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Lapidary.TextToSql.Asking.Files;

/// <summary>Tables of files in a database in memory, which all connections of this process can read.</summary>
internal sealed class ImportedTables : IQuerySource
{
    /// <summary>SQLite's limit of columns.</summary>
    private const int MaxColumns = 2000;

    private const int ReportedRows = 10_000;

    private readonly string _uri = $"file:/lapidary-{Guid.NewGuid():N}?vfs=memdb";
    private readonly SqliteConnection _owner;
    private readonly List<string> _notes = [];
    private readonly List<(string Path, DateTime Written)> _files = [];

    private ImportedTables()
    {
        var options = new SqliteConnectionStringBuilder { DataSource = _uri, Mode = SqliteOpenMode.ReadWriteCreate, Pooling = false };
        _owner = new SqliteConnection(options.ConnectionString);
        _owner.Open();
        Run("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF");
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> Notes =>
    [
        .. _notes,
        .. _files.Where(file => File.GetLastWriteTimeUtc(file.Path) != file.Written)
            .Select(file => $"{file.Path}: was changed or moved after its rows were read; start again to read it anew."),
    ];

    /// <summary>The tables stay as they were read.</summary>
    public object Version => _uri;

    /// <summary>Reads files, each into a table.</summary>
    /// <param name="files">The files.</param>
    /// <param name="progress">Receives the number of rows of each file.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="LapidaryException">One is damaged, or they need too much memory.</exception>
    public static ImportedTables Read(
        IReadOnlyList<ITableFile> files, IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        var tables = new ImportedTables();
        try
        {
            var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
            foreach (var file in files) tables.Add(file, names, progress, cancellationToken);
            return tables;
        }
        catch
        {
            tables.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public T Read<T>(GuardLimits limits, Func<GuardedDatabase, T> read, CancellationToken cancellationToken)
    {
        using var database = new GuardedDatabase(limits, null, _uri, cancellationToken);
        return read(database);
    }

    /// <inheritdoc/>
    public void Dispose() => _owner.Dispose();

    private void Add(ITableFile file, HashSet<string> names, IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        _files.Add((file.Path, File.GetLastWriteTimeUtc(file.Path)));
        var found = file.FindColumns(Counter("looking at"));
        if (found.Columns.Count > MaxColumns)
        {
            throw new LapidaryException($"{file.Path}: expected at most {MaxColumns} columns, found {found.Columns.Count}; leave some out "
                + "or check the separator.");
        }

        _notes.AddRange(found.Notes);
        string stem = FileKinds.Stem(file.Path), name = TableNames.OfTable(file.Path, names);
        if (name != stem) _notes.Add($"{file.Path}: its table is called {SqlName.Of(name)}.");
        var columns = found.Columns.Select(column => $"{SqlName.Quoted(column.Name)} {column.Type}");
        Run($"CREATE TABLE {SqlName.Quoted(name)} ({string.Join(", ", columns)})", "BEGIN");
        string places = string.Join(", ", Enumerable.Repeat("?", found.Columns.Count));
        raw.sqlite3_prepare_v2(_owner.Handle!, $"INSERT INTO {SqlName.Quoted(name)} VALUES ({places})", out var insert);
        using (insert) file.Fill(found, new Row(insert, file.Path, Counter("reading")));
        Run("COMMIT");

        Action Counter(string work)
        {
            long rows = 0;
            return () =>
            {
                if (++rows % ReportedRows != 0) return;
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new($"{work} {System.IO.Path.GetFileName(file.Path)}", rows, 0, "rows"));
            };
        }
    }

    private void Run(params ReadOnlySpan<string> statements)
    {
        foreach (string statement in statements)
        {
            using var command = _owner.CreateCommand();
            command.CommandText = statement;
            command.ExecuteNonQuery();
        }
    }

    private sealed class Row(sqlite3_stmt insert, string path, Action onRow) : ITableRow
    {
        public void SetText(int column, ReadOnlySpan<byte> utf8) => raw.sqlite3_bind_text(insert, column + 1, utf8);

        public void SetInteger(int column, long value) => raw.sqlite3_bind_int64(insert, column + 1, value);

        public void SetReal(int column, double value) => raw.sqlite3_bind_double(insert, column + 1, value);

        public void SetBlob(int column, ReadOnlySpan<byte> value) => raw.sqlite3_bind_blob(insert, column + 1, value);

        public void End()
        {
            int code = raw.sqlite3_step(insert) & 0xFF;
            raw.sqlite3_reset(insert);
            raw.sqlite3_clear_bindings(insert);
            if (code != raw.SQLITE_DONE)
            {
                throw new LapidaryException(code is raw.SQLITE_FULL or raw.SQLITE_NOMEM
                    ? $"{path}: its table does not fit into memory, where 1 GiB is the most; import it into an SQLite file, and ask that."
                    : $"{path}: a row cannot be stored ({raw.sqlite3_errstr(code).utf8_to_string()}).");
            }

            onRow();
        }
    }
}
