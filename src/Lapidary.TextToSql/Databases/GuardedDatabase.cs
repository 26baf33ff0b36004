using System.Text;
using Lapidary.TextToSql.Databases.Sqlite;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>A database that runs statements that nobody has checked: one of its own in memory, or a user's. A statement reaches no other
/// file, and what it may take is bounded. Used by one thread.</summary>
internal sealed class GuardedDatabase : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly StatementSession _session;
    private readonly StatementCompiler _compiler;
    private long _lastRow;

    /// <summary>An empty database, or a user's to read.</summary>
    /// <param name="limits">What statements may take.</param>
    /// <param name="heartbeat">Called while statements run.</param>
    /// <param name="source">SQLite's URI of a user's database, which is opened to read; null for an empty one in memory.</param>
    /// <param name="cancellation">Stops the statement that runs: its caller gets an OperationCanceledException.</param>
    /// <exception cref="DatabaseFailure">The user's database cannot be read.</exception>
    public GuardedDatabase(
        GuardLimits limits, Action? heartbeat = null, string? source = null, CancellationToken cancellation = default)
    {
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = source ?? ":memory:",
            Mode = source is null ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadOnly,
            Pooling = false,
        }.ConnectionString);
        StatementSession? session = null;
        try
        {
            Open(isUsers: source is not null);
            session = new StatementSession(_connection.Handle!, limits, source is not null, heartbeat, cancellation);
            (_session, _compiler) = (session, new StatementCompiler(session));
            SessionSettings.Apply(session);
            session.Watch();
            if (source is not null) KnowTables();
        }
        catch
        {
            _connection.Dispose();
            session?.Dispose();
            throw;
        }
    }

    /// <summary>Tables that the last compiled statement reads; views are followed.</summary>
    public IReadOnlyCollection<string> TablesRead => _session.Guard.TablesRead;

    /// <inheritdoc/>
    public void Dispose()
    {
        _session.Unwatch();
        _connection.Dispose();
        _session.Dispose();
    }

    /// <summary>Runs a script that makes tables and rows; results of queries in it are not looked at.</summary>
    /// <returns>Why it could not; null where all of it ran.</returns>
    public SqlFailure? Build(string script)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(script + '\0');
        if (_compiler.Unfit(script, bytes.Length, _session.Limits.MaxContextBytes) is { } unfit) return unfit;
        _session.Limit(raw.SQLITE_LIMIT_VDBE_OP, 10_000_000);
        _session.Guard.Mode = GuardMode.Build;
        var failure = BuildAll(bytes);
        failure ??= Commit();
        if (failure is not null) EndTransaction();
        RefreshTables();
        _lastRow = raw.sqlite3_last_insert_rowid(_session.Handle);
        return failure;
    }

    /// <summary>Runs one statement.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="mode">What it may do.</param>
    public SqlOutcome Run(string sql, GuardMode mode)
    {
        using var statement = _compiler.Compile(sql, mode, out var failure);
        if (statement is null || failure is not null) return new SqlOutcome(null, failure);

        // As the context left it, whatever was inserted since.
        LastRow.Set(_session.Handle, _lastRow);
        var outcome = StatementRows.Read(_session, statement);
        if (mode == GuardMode.Write && _session.Guard.ChangedSchema) RefreshTables();
        return outcome;
    }

    /// <summary>Whether a statement only reads; false where it does not compile.</summary>
    public bool IsReading(string sql, out SqlFailure? failure)
    {
        using var statement = _compiler.Compile(sql, GuardMode.Write, out failure);
        return failure is null && raw.sqlite3_stmt_readonly(statement!) != 0;
    }

    /// <summary>The collations by which a query that compiles sorts its columns.</summary>
    public string[] Collations(string sql)
    {
        using var statement = _compiler.Compile(sql, GuardMode.Read, out var failure);
        return statement is null || failure is not null ? []
            : [.. Enumerable.Range(0, raw.sqlite3_column_count(statement))
                .Select(column => StatementRows.Collation(_session, statement, column))];
    }

    /// <inheritdoc cref="StatementSession.Ask"/>
    public List<object?[]> Ask(string sql, params ReadOnlySpan<object?> values) => _session.Ask(sql, values);

    /// <inheritdoc cref="StatementSession.PrepareInsert"/>
    public PreparedInsert? PrepareInsert(string sql) => _session.PrepareInsert(sql);

    /// <summary>What is done from here on can be undone.</summary>
    public void BeginChanges()
    {
        _session.Guard.Mode = GuardMode.Open;
        Ask("BEGIN");
        LastRow.Set(_session.Handle, _lastRow);
    }

    /// <summary>Rolls back to where <see cref="BeginChanges"/> was called.</summary>
    public void UndoChanges() => EndTransaction();

    private void Open(bool isUsers)
    {
        try
        {
            _connection.Open();
        }
        catch (SqliteException e) when (isUsers)
        {
            throw new DatabaseFailure(new SqlFailure(SqlFailureKind.Unreadable, e.Message) { Code = e.SqliteErrorCode });
        }
    }

    /// <summary>Learns the tables and views of a user's database, and what the views weigh.</summary>
    private void KnowTables()
    {
        RefreshTables();
        foreach (object?[] row in Ask("SELECT sql FROM sqlite_master WHERE type = 'view' ORDER BY rowid"))
            if (row[0] is string sql) _compiler.AddView(sql);
    }

    private SqlFailure? BuildAll(byte[] bytes)
    {
        ReadOnlySpan<byte> rest = bytes;
        for (int number = 1; rest.Length > 0 && rest[0] != 0; number++)
        {
            _session.Begin(keepSteps: number > 1);
            var start = rest;
            int code = raw.sqlite3_prepare_v2(_session.Handle, rest, out var statement, out rest);
            using (statement)
            {
                SqlFailure? failure = null;
                bool isEmpty = code == raw.SQLITE_OK && statement.IsInvalid;
                if (code == raw.SQLITE_OK && !isEmpty)
                {
                    _session.WatchPatterns();
                    failure = StatementCompiler.Unsuitable(statement);
                    if (failure is null)
                        while ((code = raw.sqlite3_step(statement)) == raw.SQLITE_ROW) { }
                    if (code == raw.SQLITE_DONE) code = raw.SQLITE_OK;
                }

                if (code != raw.SQLITE_OK) failure = _session.Failure(code, isCompiled: false);
                if (failure is not null) return failure with { Message = $"Statement {number}, \"{Start(start)}\": {failure.Message}" };
            }

            if (_session.Guard.ChangedSchema) RefreshTables();
        }

        return null;

        static string Start(ReadOnlySpan<byte> sql) =>
            StatementCompiler.Shorten(Encoding.UTF8.GetString(sql[..Math.Min(sql.Length, 200)]).TrimEnd('\0'));
    }

    /// <summary>Ends a transaction that a context left open.</summary>
    /// <returns>Why it cannot be committed: a foreign key that is looked at late.</returns>
    private SqlFailure? Commit()
    {
        try
        {
            if (_session.IsInTransaction) Ask("COMMIT");
            return null;
        }
        catch (DatabaseFailure problem)
        {
            return problem.Failure with { Message = $"Its transaction cannot be committed: {problem.Message}" };
        }
    }

    private void EndTransaction()
    {
        if (_session.IsInTransaction) Ask("ROLLBACK");
        RefreshTables();
    }

    private void RefreshTables()
    {
        const string Named = "SELECT name FROM sqlite_master WHERE type ";
        _session.Guard.SetTables(Names("IN ('table', 'view')"), Names("= 'table' AND sql LIKE 'create virtual%'"));

        IEnumerable<string> Names(string condition) => Ask(Named + condition).Select(row => (string)row[0]!);
    }
}
