using System.Collections.Frozen;
using System.Text;
using Lapidary.TextToSql.Queries;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>A database that runs statements that nobody has checked: one of its own in memory, or a user's. A statement reaches no other
/// file, and what it may take is bounded. Used by one thread.</summary>
internal sealed class GuardedDatabase : IDisposable
{
    private const string Binary = "BINARY";

    /// <summary>How long to wait for another program that writes to a user's database.</summary>
    private const int BusyMilliseconds = 2000;

    /// <summary>Codes that tell of a file rather than of a statement.</summary>
    private static readonly FrozenSet<int> UnreadableCodes = FrozenSet.Create(
        raw.SQLITE_BUSY, raw.SQLITE_LOCKED, raw.SQLITE_READONLY, raw.SQLITE_IOERR, raw.SQLITE_CORRUPT, raw.SQLITE_CANTOPEN,
        raw.SQLITE_PROTOCOL, raw.SQLITE_NOTADB);

    /// <summary>Kinds of virtual tables of this SQLite.</summary>
    private static FrozenSet<string>? _modules;

    private readonly GuardLimits _limits;
    private readonly CancellationToken _cancellation;
    private readonly bool _isUsers;
    private readonly SqliteConnection _connection;
    private readonly StatementGuard _guard = new();
    private readonly StatementProgress _progress;
    private readonly StableFunctions _functions;
    private readonly Dictionary<string, int> _views = new(StringComparer.OrdinalIgnoreCase);
    private long _lastRow;
    private bool _isWatchingPatterns;

    /// <summary>An empty database, or a user's to read.</summary>
    /// <param name="limits">What statements may take.</param>
    /// <param name="heartbeat">Called while statements run.</param>
    /// <param name="source">SQLite's URI of a user's database, which is opened to read; null for an empty one in memory.</param>
    /// <param name="cancellation">Stops the statement that runs: its caller gets an OperationCanceledException.</param>
    /// <exception cref="DatabaseFailure">The user's database cannot be read.</exception>
    public GuardedDatabase(
        GuardLimits limits, Action? heartbeat = null, string? source = null, CancellationToken cancellation = default)
    {
        (_limits, _cancellation, _isUsers) = (limits, cancellation, source is not null);
        _progress = new StatementProgress(limits, heartbeat, cancellation);
        _functions = new StableFunctions(limits);
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = source ?? ":memory:",
            Mode = source is null ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadOnly,
            Pooling = false,
        }.ConnectionString);
        try
        {
            Open();
            Prepare();
        }
        catch
        {
            _connection.Dispose();
            _functions.Dispose();
            throw;
        }
    }

    private sqlite3 Handle => _connection.Handle!;

    private bool IsInTransaction => raw.sqlite3_get_autocommit(Handle) == 0;

    /// <summary>Tables that the last compiled statement reads; views are followed.</summary>
    public IReadOnlyCollection<string> TablesRead => _guard.TablesRead;

    /// <inheritdoc/>
    public void Dispose()
    {
        raw.sqlite3_set_authorizer(Handle, default(delegate_authorizer), null);
        raw.sqlite3_progress_handler(Handle, 0, null, null);
        _connection.Dispose();
        _functions.Dispose();
    }

    /// <summary>Runs a script that makes tables and rows; results of queries in it are not looked at.</summary>
    /// <returns>Why it could not; null where all of it ran.</returns>
    public SqlFailure? Build(string script)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(script + '\0');
        if (bytes.Length > _limits.MaxContextBytes)
            return new SqlFailure(SqlFailureKind.TooLarge, $"{bytes.Length} bytes, {_limits.MaxContextBytes} are allowed.");
        if (script.Contains('\0')) return new SqlFailure(SqlFailureKind.Invalid, "There is a NUL character in it.");
        if (TooHeavy(script) is { } heavy) return heavy;
        Limit(raw.SQLITE_LIMIT_VDBE_OP, 10_000_000);
        _guard.Mode = GuardMode.Build;
        var failure = BuildAll(bytes);
        failure ??= Commit();
        if (failure is not null) EndTransaction();
        RefreshTables();
        _lastRow = raw.sqlite3_last_insert_rowid(Handle);
        return failure;
    }

    /// <summary>Runs one statement.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="mode">What it may do.</param>
    public SqlOutcome Run(string sql, GuardMode mode)
    {
        using var statement = Compile(sql, mode, out var failure);
        if (statement is null) return new SqlOutcome(null, failure);
        if (failure is not null) return new SqlOutcome(null, failure);

        // As the context left it, whatever was inserted since.
        LastRow.Set(Handle, _lastRow);
        var outcome = Read(statement);
        if (mode == GuardMode.Write && _guard.ChangedSchema) RefreshTables();
        return outcome;
    }

    /// <summary>Whether a statement only reads; false where it does not compile.</summary>
    public bool IsReading(string sql, out SqlFailure? failure)
    {
        using var statement = Compile(sql, GuardMode.Write, out failure);
        return failure is null && raw.sqlite3_stmt_readonly(statement!) != 0;
    }

    /// <summary>The collations by which a query that compiles sorts its columns: BINARY, but for columns of tables that were declared
    /// with another one.</summary>
    public string[] Collations(string sql)
    {
        using var statement = Compile(sql, GuardMode.Read, out var failure);
        return statement is null || failure is not null
            ? []
            : [.. Enumerable.Range(0, raw.sqlite3_column_count(statement)).Select(column => Collation(statement, column))];
    }

    private string Collation(sqlite3_stmt statement, int column)
    {
        string? name = raw.sqlite3_column_origin_name(statement, column).utf8_to_string();
        if (name is null) return Binary;
        int code = raw.sqlite3_table_column_metadata(
            Handle, raw.sqlite3_column_database_name(statement, column).utf8_to_string(),
            raw.sqlite3_column_table_name(statement, column).utf8_to_string(), name, out _, out string collation, out _, out _, out _);
        return code == raw.SQLITE_OK ? collation : Binary;
    }

    /// <summary>Runs this project's own statement: all is allowed, within the limits of time.</summary>
    /// <param name="sql">One statement.</param>
    /// <param name="values">Its parameters.</param>
    /// <returns>Its rows.</returns>
    /// <exception cref="DatabaseFailure">It failed.</exception>
    public List<object?[]> Ask(string sql, params ReadOnlySpan<object?> values)
    {
        using var open = new OpenedGuard(_guard);
        BeginStatement();
        Check(raw.sqlite3_prepare_v2(Handle, sql, out var statement));
        using (statement)
        {
            for (int index = 0; index < values.Length; index++) StatementValues.Bind(statement, index + 1, values[index]);
            var rows = new List<object?[]>();
            int columns = raw.sqlite3_column_count(statement), code;
            while ((code = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
                rows.Add([.. Enumerable.Range(0, columns).Select(column => StatementValues.Read(statement, column))]);
            if (code != raw.SQLITE_DONE) Check(code);
            return rows;
        }
    }

    /// <summary>A statement that inserts a row to fill a table, and runs many times.</summary>
    /// <returns>Null where it does not compile: a trigger or a foreign key may name what there is not, or is not allowed.</returns>
    public PreparedInsert? PrepareInsert(string sql)
    {
        using var open = new OpenedGuard(_guard, GuardMode.Build);
        BeginStatement();
        if (raw.sqlite3_prepare_v2(Handle, sql, out var statement) != raw.SQLITE_OK) return null;
        WatchPatterns();
        return new PreparedInsert(statement, () => BeginStatement(isFilling: true), Judge);
    }

    /// <summary>Rolls back to where <see cref="BeginChanges"/> was called.</summary>
    public void UndoChanges() => EndTransaction();

    /// <summary>What is done from here on can be undone.</summary>
    public void BeginChanges()
    {
        _guard.Mode = GuardMode.Open;
        Ask("BEGIN");
        LastRow.Set(Handle, _lastRow);
    }

    private void Open()
    {
        try
        {
            _connection.Open();
        }
        catch (SqliteException e) when (_isUsers)
        {
            throw new DatabaseFailure(new SqlFailure(SqlFailureKind.Unreadable, e.Message) { Code = e.SqliteErrorCode });
        }
    }

    /// <summary>Settings that statements cannot change, as they may use no PRAGMA.</summary>
    private void Prepare()
    {
        // As the sqlite3 shell and Python have them: the reference queries of Spider have texts in double quotes, and contexts fill
        // tables in any order. To a user, a column that is not there must be an error, and no text.
        Configure(raw.SQLITE_DBCONFIG_DQS_DML, _isUsers ? 0 : 1);
        Configure(raw.SQLITE_DBCONFIG_DQS_DDL, _isUsers ? 0 : 1);
        Configure(raw.SQLITE_DBCONFIG_ENABLE_FKEY, 0);
        Configure(raw.SQLITE_DBCONFIG_DEFENSIVE, 1);
        Configure(raw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
        Configure(raw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0);
        Ask("PRAGMA temp_store = MEMORY");
        Ask($"PRAGMA cell_size_check = {(_isUsers ? "ON" : "OFF")}");
        if (_isUsers)
        {
            raw.sqlite3_busy_timeout(Handle, BusyMilliseconds);
            Ask("PRAGMA query_only = ON");
        }
        else
        {
            Ask($"PRAGMA max_page_count = {Math.Max(10, _limits.MaxDatabaseBytes / 4096)}");
        }

        Limit(raw.SQLITE_LIMIT_SQL_LENGTH, _limits.MaxContextBytes);
        Limit(raw.SQLITE_LIMIT_LENGTH, _limits.MaxValueBytes);
        Limit(raw.SQLITE_LIMIT_ATTACHED, 0);
        Limit(raw.SQLITE_LIMIT_COMPOUND_SELECT, 50);
        Limit(raw.SQLITE_LIMIT_EXPR_DEPTH, 200);
        Limit(raw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 500);
        Limit(raw.SQLITE_LIMIT_TRIGGER_DEPTH, 10);
        Limit(raw.SQLITE_LIMIT_WORKER_THREADS, 0);
        _guard.SetModules(LazyInitializer.EnsureInitialized(
            ref _modules,
            () => Ask("SELECT name FROM pragma_module_list").Select(row => (string)row[0]!).ToFrozenSet(StringComparer.OrdinalIgnoreCase)));
        _functions.AddTo(Handle);
        raw.sqlite3_set_authorizer(Handle, _guard.Authorize, null);
        Watch();
        if (_isUsers) KnowTables();
    }

    /// <summary>Learns the tables and views of a user's database, and what the views weigh.</summary>
    private void KnowTables()
    {
        RefreshTables();
        foreach (object?[] row in Ask("SELECT sql FROM sqlite_master WHERE type = 'view' ORDER BY rowid"))
            if (row[0] is string sql) QueryWeight.Of(SqlTokenizer.Tokens(sql), _views);
    }

    private void Watch() => raw.sqlite3_progress_handler(Handle, _progress.Interval, _progress.OnProgress, null);

    /// <summary>Looks more often at statements with LIKE or GLOB, once one was compiled.</summary>
    private void WatchPatterns()
    {
        if (!_guard.MatchesPatterns || _isWatchingPatterns) return;
        _isWatchingPatterns = true;
        _progress.Shorten();
        Watch();
    }

    private SqlFailure? BuildAll(byte[] bytes)
    {
        ReadOnlySpan<byte> rest = bytes;
        for (int number = 1; rest.Length > 0 && rest[0] != 0; number++)
        {
            BeginStatement(keepSteps: number > 1);
            var start = rest;
            int code = raw.sqlite3_prepare_v2(Handle, rest, out var statement, out rest);
            using (statement)
            {
                SqlFailure? failure = null;
                bool isEmpty = code == raw.SQLITE_OK && statement.IsInvalid;
                if (code == raw.SQLITE_OK && !isEmpty)
                {
                    WatchPatterns();
                    failure = Unsuitable(statement);
                    if (failure is null)
                        while ((code = raw.sqlite3_step(statement)) == raw.SQLITE_ROW) { }
                    if (code == raw.SQLITE_DONE) code = raw.SQLITE_OK;
                }

                if (code != raw.SQLITE_OK) failure = Failure(code, isCompiled: false);
                if (failure is not null) return failure with { Message = $"Statement {number}, {Start(start)}: {failure.Message}" };
            }

            if (_guard.ChangedSchema) RefreshTables();
        }

        return null;
    }

    /// <summary>Compiles a statement, alone in its text.</summary>
    private sqlite3_stmt? Compile(string sql, GuardMode mode, out SqlFailure? failure)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(sql + '\0');
        failure = sql.Contains('\0') ? new SqlFailure(SqlFailureKind.Invalid, "There is a NUL character in it.")
            : bytes.Length > _limits.MaxStatementBytes
                ? new SqlFailure(SqlFailureKind.TooLarge, $"{bytes.Length} bytes, {_limits.MaxStatementBytes} are allowed.")
            : TooHeavy(sql);
        if (failure is not null) return null;
        Limit(raw.SQLITE_LIMIT_VDBE_OP, 100_000);
        _guard.Mode = mode;
        BeginStatement();
        ReadOnlySpan<byte> rest = bytes;
        sqlite3_stmt statement;
        int code;
        do
        {
            // Semicolons and comments at the start give statements of nothing.
            code = raw.sqlite3_prepare_v2(Handle, rest, out statement, out rest);
        }
        while (code == raw.SQLITE_OK && statement.IsInvalid && rest.Length > 1);

        if (code != raw.SQLITE_OK)
        {
            failure = Failure(code, isCompiled: false);
            return null;
        }

        WatchPatterns();
        string tail = Encoding.UTF8.GetString(rest).TrimEnd('\0');
        var next = SqlTokenizer.Tokens(tail).FirstOrDefault(token => !token.IsSymbol(";"));
        failure = statement.IsInvalid ? new SqlFailure(SqlFailureKind.Invalid, "There is no statement in it.")
            : next.End > 0
                ? new SqlFailure(SqlFailureKind.Refused, $"One statement is allowed; after it comes \"{Shorten(tail[next.Start..])}\".")
            : mode == GuardMode.Read && raw.sqlite3_column_count(statement) == 0
                ? new SqlFailure(SqlFailureKind.Refused, StatementGuard.OnlyQueries + ".") { IsWrite = true }
            : Unsuitable(statement);
        return statement;
    }

    private SqlFailure? TooHeavy(string sql) => QueryWeight.Of(SqlTokenizer.Tokens(sql), _views) > QueryWeight.Limit
        ? new SqlFailure(SqlFailureKind.TooLarge, $"Written out, views and WITH clauses name more than {QueryWeight.Limit} tables.")
        : null;

    /// <summary>Why a statement that compiles is not run.</summary>
    private static SqlFailure? Unsuitable(sqlite3_stmt statement) =>
        raw.sqlite3_stmt_isexplain(statement) != 0 ? new SqlFailure(SqlFailureKind.Refused, "EXPLAIN is not allowed.")
        : raw.sqlite3_bind_parameter_count(statement) > 0
            ? new SqlFailure(
                SqlFailureKind.Invalid,
                $"Parameters have no value: {raw.sqlite3_bind_parameter_name(statement, 1).utf8_to_string() ?? "?"}")
        : null;

    private SqlOutcome Read(sqlite3_stmt statement)
    {
        int columns = raw.sqlite3_column_count(statement);
        var rows = new List<object?[]>();
        long bytes = 0;
        int code;
        while ((code = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
        {
            for (int column = 0; column < columns; column++) bytes += StatementValues.Bytes(statement, column);
            bool hasTooManyRows = rows.Count >= _limits.MaxRows, hasTooManyBytes = bytes > _limits.MaxResultBytes;
            if (_limits.CutsResults && (hasTooManyRows || hasTooManyBytes))
                return new SqlOutcome(new ResultRows(Names(statement), rows, IsCut: true), null);
            if (hasTooManyRows) return TooLarge($"The result has more than {_limits.MaxRows} rows.");
            if (hasTooManyBytes) return TooLarge($"The result has more than {_limits.MaxResultBytes} bytes.");
            object?[] row = new object?[columns];
            for (int column = 0; column < columns; column++) row[column] = StatementValues.Read(statement, column);
            rows.Add(row);
        }

        if (code != raw.SQLITE_DONE) return new SqlOutcome(null, Failure(code, isCompiled: true));
        return new SqlOutcome(new ResultRows(Names(statement), rows), null);

        static SqlOutcome TooLarge(string message) => new(null, new SqlFailure(SqlFailureKind.TooLarge, message, IsCompiled: true));
    }

    private static string[] Names(sqlite3_stmt statement)
    {
        string[] names = new string[raw.sqlite3_column_count(statement)];
        for (int column = 0; column < names.Length; column++)
            names[column] = raw.sqlite3_column_name(statement, column).utf8_to_string();
        return names;
    }

    private void BeginStatement(bool keepSteps = false, bool isFilling = false)
    {
        _cancellation.ThrowIfCancellationRequested();
        _guard.Begin();
        _progress.Begin(keepSteps, isFilling);
        _functions.Begin();
    }

    private SqlFailure Failure(int code, bool isCompiled)
    {
        _cancellation.ThrowIfCancellationRequested();
        string message = raw.sqlite3_errmsg(Handle).utf8_to_string();
        var failure = (code & 0xFF) switch
        {
            _ when _guard.Refusal is { } refusal => new SqlFailure(SqlFailureKind.Refused, $"{refusal}."),
            raw.SQLITE_INTERRUPT when _progress.Stop is { } stop => stop,
            raw.SQLITE_AUTH => new SqlFailure(SqlFailureKind.Refused, message),
            raw.SQLITE_NOMEM when !isCompiled => new SqlFailure(SqlFailureKind.TooLarge, "It compiles to too many steps."),
            raw.SQLITE_NOMEM => new SqlFailure(SqlFailureKind.OutOfMemory, "SQLite has no more memory."),
            _ when _isUsers && UnreadableCodes.Contains(code & 0xFF) => new SqlFailure(SqlFailureKind.Unreadable, message),
            raw.SQLITE_TOOBIG => new SqlFailure(SqlFailureKind.TooLarge, $"A value or statement is too large: {message}."),
            raw.SQLITE_FULL => new SqlFailure(SqlFailureKind.TooLarge, $"The database has more than {_limits.MaxDatabaseBytes} bytes."),
            _ => new SqlFailure(SqlFailureKind.Invalid, message),
        };
        return failure with { IsCompiled = isCompiled, IsWrite = _guard.WantsToWrite, Code = code };
    }

    private InsertOutcome Judge(int code)
    {
        if (code is raw.SQLITE_DONE or raw.SQLITE_ROW) return InsertOutcome.Done;
        if ((code & 0xFF) is not (raw.SQLITE_INTERRUPT or raw.SQLITE_NOMEM))
            return IsInTransaction ? InsertOutcome.Constrained : InsertOutcome.RolledBack;
        var failure = Failure(code, isCompiled: true);
        return failure.Kind == SqlFailureKind.OutOfMemory || _progress.IsFillingSpent
            ? throw new DatabaseFailure(failure)
            : InsertOutcome.Stopped;
    }

    /// <summary>Ends a transaction that a context left open.</summary>
    /// <returns>Why it cannot be committed: a foreign key that is looked at late.</returns>
    private SqlFailure? Commit()
    {
        try
        {
            if (IsInTransaction) Ask("COMMIT");
            return null;
        }
        catch (DatabaseFailure problem)
        {
            return problem.Failure with { Message = $"Its transaction cannot be committed: {problem.Message}" };
        }
    }

    private void EndTransaction()
    {
        if (IsInTransaction) Ask("ROLLBACK");
        RefreshTables();
    }

    private void RefreshTables() => _guard.SetTables(
        Ask("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").Select(row => (string)row[0]!));

    private void Limit(int which, int value) => raw.sqlite3_limit(Handle, which, value);

    private void Configure(int what, int value) => Check(raw.sqlite3_db_config(Handle, what, value, out _));

    private void Check(int code)
    {
        if (code is not (raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE))
            throw new DatabaseFailure(Failure(code, isCompiled: true));
    }

    /// <summary>How a statement starts, for a message.</summary>
    private static string Start(ReadOnlySpan<byte> sql) =>
        "\"" + Shorten(Encoding.UTF8.GetString(sql[..Math.Min(sql.Length, 200)]).TrimEnd('\0')) + "\"";

    private static string Shorten(string text)
    {
        text = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return text.Length <= 40 ? text : text[..39] + "…";
    }

    /// <summary>No guard, or another, until it ends.</summary>
    private readonly struct OpenedGuard : IDisposable
    {
        private readonly StatementGuard _guard;
        private readonly GuardMode _mode;

        public OpenedGuard(StatementGuard guard, GuardMode mode = GuardMode.Open)
        {
            (_guard, _mode) = (guard, guard.Mode);
            guard.Mode = mode;
        }

        public void Dispose() => _guard.Mode = _mode;
    }
}
