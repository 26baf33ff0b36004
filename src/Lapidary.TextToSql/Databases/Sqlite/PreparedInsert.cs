using SQLitePCL;

namespace Lapidary.TextToSql.Databases.Sqlite;

/// <summary>A statement of this project's that runs many times.</summary>
/// <param name="statement">It.</param>
/// <param name="begin">Called before each run: constraints and triggers are bounded like any statement.</param>
/// <param name="judge">What a code of SQLite's means.</param>
internal sealed class PreparedInsert(sqlite3_stmt statement, Action begin, Func<int, InsertOutcome> judge) : IDisposable
{
    /// <summary>Runs it.</summary>
    /// <exception cref="DatabaseFailure">All that filling may take is spent.</exception>
    public InsertOutcome Run(ReadOnlySpan<object?> values)
    {
        begin();
        for (int index = 0; index < values.Length; index++) StatementValues.Bind(statement, index + 1, values[index]);
        int code = raw.sqlite3_step(statement);
        raw.sqlite3_reset(statement);
        return judge(code);
    }

    /// <inheritdoc/>
    public void Dispose() => statement.Dispose();
}

/// <summary>What came of a row that was to be inserted.</summary>
internal enum InsertOutcome
{
    /// <summary>It is there.</summary>
    Done,

    /// <summary>Constraints or triggers did not allow it.</summary>
    Constrained,

    /// <summary>It took too many steps; all changes are rolled back.</summary>
    Stopped,

    /// <summary>A constraint or a trigger rolled all changes back.</summary>
    RolledBack,
}
