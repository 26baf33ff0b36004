using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>A statement of this project's that runs many times.</summary>
/// <param name="statement">It.</param>
/// <param name="begin">Called before each run: constraints and triggers are bounded like any statement.</param>
internal sealed class PreparedInsert(sqlite3_stmt statement, Action begin) : IDisposable
{
    /// <summary>Runs it.</summary>
    /// <returns>Whether the constraints of the table allowed it.</returns>
    public bool TryRun(ReadOnlySpan<object?> values)
    {
        begin();
        for (int index = 0; index < values.Length; index++) StatementValues.Bind(statement, index + 1, values[index]);
        int code = raw.sqlite3_step(statement);
        raw.sqlite3_reset(statement);
        return code is raw.SQLITE_DONE or raw.SQLITE_ROW;
    }

    /// <inheritdoc/>
    public void Dispose() => statement.Dispose();
}
