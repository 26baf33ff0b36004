using System.Collections.Frozen;
using Lapidary.TextToSql.Databases.Sqlite;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>A connection with what watches over its statements: the guard while they compile, limits and a clock while they run. Used by
/// one thread.</summary>
/// <param name="handle">The connection, which the caller owns.</param>
/// <param name="limits">What statements may take.</param>
/// <param name="isUsers">Whether the database is a user's file.</param>
/// <param name="heartbeat">Called while statements run.</param>
/// <param name="cancellation">Stops the statement that runs: its caller gets an OperationCanceledException.</param>
internal sealed class StatementSession(
    sqlite3 handle, GuardLimits limits, bool isUsers, Action? heartbeat, CancellationToken cancellation) : IDisposable
{
    /// <summary>Codes that tell of a file rather than of a statement.</summary>
    private static readonly FrozenSet<int> UnreadableCodes = FrozenSet.Create(
        raw.SQLITE_BUSY, raw.SQLITE_LOCKED, raw.SQLITE_READONLY, raw.SQLITE_IOERR, raw.SQLITE_CORRUPT, raw.SQLITE_CANTOPEN,
        raw.SQLITE_PROTOCOL, raw.SQLITE_NOTADB);

    private readonly StatementProgress _progress = new(limits, heartbeat, cancellation);
    private readonly StableFunctions _functions = new(limits);
    private bool _isWatchingPatterns;

    public sqlite3 Handle => handle;

    public GuardLimits Limits => limits;

    public bool IsUsers => isUsers;

    public StatementGuard Guard { get; } = new();

    public bool IsInTransaction => raw.sqlite3_get_autocommit(handle) == 0;

    /// <summary>Watches all statements from here on.</summary>
    public void Watch()
    {
        _functions.AddTo(handle);
        raw.sqlite3_set_authorizer(handle, Guard.Authorize, null);
        SetProgressHandler();
    }

    /// <summary>Looks more often at statements with LIKE or GLOB, once one was compiled.</summary>
    public void WatchPatterns()
    {
        if (!Guard.MatchesPatterns || _isWatchingPatterns) return;
        _isWatchingPatterns = true;
        _progress.Shorten();
        SetProgressHandler();
    }

    /// <summary>Frees what it holds; the connection must still be open.</summary>
    public void Unwatch()
    {
        raw.sqlite3_set_authorizer(handle, default(delegate_authorizer), null);
        raw.sqlite3_progress_handler(handle, 0, null, null);
    }

    /// <inheritdoc/>
    public void Dispose() => _functions.Dispose();

    /// <summary>A statement starts.</summary>
    /// <param name="keepSteps">Whether it goes on with the steps that an earlier one left.</param>
    /// <param name="isFilling">Whether it fills a table.</param>
    public void Begin(bool keepSteps = false, bool isFilling = false)
    {
        cancellation.ThrowIfCancellationRequested();
        Guard.Begin();
        _progress.Begin(keepSteps, isFilling);
        _functions.Begin();
    }

    /// <summary>Runs this project's own statement: all is allowed, within the limits of time.</summary>
    /// <param name="sql">One statement.</param>
    /// <param name="values">Its parameters.</param>
    /// <returns>Its rows.</returns>
    /// <exception cref="DatabaseFailure">It failed.</exception>
    public List<object?[]> Ask(string sql, params ReadOnlySpan<object?> values)
    {
        using var open = new OpenedGuard(Guard);
        Begin();
        Check(raw.sqlite3_prepare_v2(handle, sql, out var statement));
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
        using var open = new OpenedGuard(Guard, GuardMode.Build);
        Begin();
        if (raw.sqlite3_prepare_v2(handle, sql, out var statement) != raw.SQLITE_OK) return null;
        WatchPatterns();
        return new PreparedInsert(statement, () => Begin(isFilling: true), Judge);
    }

    /// <summary>Sets one of SQLite's limits.</summary>
    public void Limit(int which, int value) => raw.sqlite3_limit(handle, which, value);

    /// <summary>Throws where a call of SQLite's failed.</summary>
    /// <exception cref="DatabaseFailure">It did.</exception>
    public void Check(int code)
    {
        if (code is not (raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE))
            throw new DatabaseFailure(Failure(code, isCompiled: true));
    }

    /// <summary>What a code of SQLite's means for the statement at hand.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public SqlFailure Failure(int code, bool isCompiled)
    {
        cancellation.ThrowIfCancellationRequested();
        string message = raw.sqlite3_errmsg(handle).utf8_to_string();
        var failure = (code & 0xFF) switch
        {
            _ when Guard.Refusal is { } refusal => new SqlFailure(SqlFailureKind.Refused, $"{refusal}."),
            raw.SQLITE_INTERRUPT when _progress.Stop is { } stop => stop,
            raw.SQLITE_AUTH => new SqlFailure(SqlFailureKind.Refused, message),
            raw.SQLITE_NOMEM when !isCompiled => new SqlFailure(SqlFailureKind.TooLarge, "The SQL compiles to too many steps; shorten it."),
            raw.SQLITE_NOMEM => new SqlFailure(SqlFailureKind.OutOfMemory, "SQLite has no more memory."),
            _ when isUsers && UnreadableCodes.Contains(code & 0xFF) => new SqlFailure(SqlFailureKind.Unreadable, message),
            raw.SQLITE_TOOBIG => new SqlFailure(
                SqlFailureKind.TooLarge,
                $"It makes a text or blob of more than {limits.MaxValueBytes} bytes, the most that one may have; take a part of it, as "
                + "with substr()."),
            raw.SQLITE_FULL => new SqlFailure(SqlFailureKind.TooLarge, $"The database has more than {limits.MaxDatabaseBytes} bytes."),
            _ => new SqlFailure(SqlFailureKind.Invalid, message),
        };
        return failure with { IsCompiled = isCompiled, IsWrite = Guard.WantsToWrite, Code = code };
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

    private void SetProgressHandler() => raw.sqlite3_progress_handler(handle, _progress.Interval, _progress.OnProgress, null);

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
