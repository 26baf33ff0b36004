using Lapidary.TextToSql.Databases.Sqlite;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>Runs a compiled statement, and reads its rows as far as the limits allow.</summary>
internal static class StatementRows
{
    private const string Binary = "BINARY";

    /// <summary>The rows; or the failure.</summary>
    public static SqlOutcome Read(StatementSession session, sqlite3_stmt statement)
    {
        var limits = session.Limits;
        int columns = raw.sqlite3_column_count(statement);
        var rows = new List<object?[]>();
        long bytes = 0;
        int code;
        while ((code = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
        {
            for (int column = 0; column < columns; column++) bytes += StatementValues.Bytes(statement, column);
            bool hasTooManyRows = rows.Count >= limits.MaxRows, hasTooManyBytes = bytes > limits.MaxResultBytes;
            if (limits.CutsResults && (hasTooManyRows || hasTooManyBytes))
                return new SqlOutcome(new ResultRows(Names(statement), rows, IsCut: true), null);
            if (hasTooManyRows) return TooLarge($"The result has more than {limits.MaxRows} rows.");
            if (hasTooManyBytes) return TooLarge($"The result has more than {limits.MaxResultBytes} bytes.");
            object?[] row = new object?[columns];
            for (int column = 0; column < columns; column++) row[column] = StatementValues.Read(statement, column);
            rows.Add(row);
        }

        if (code != raw.SQLITE_DONE) return new SqlOutcome(null, session.Failure(code, isCompiled: true));
        return new SqlOutcome(new ResultRows(Names(statement), rows), null);

        static SqlOutcome TooLarge(string message) => new(null, new SqlFailure(SqlFailureKind.TooLarge, message, IsCompiled: true));
    }

    /// <summary>The collation by which a column of a query is sorted: BINARY, but for a table's column that was declared with another
    /// one.</summary>
    public static string Collation(StatementSession session, sqlite3_stmt statement, int column)
    {
        string? name = raw.sqlite3_column_origin_name(statement, column).utf8_to_string();
        if (name is null) return Binary;
        int code = raw.sqlite3_table_column_metadata(
            session.Handle, raw.sqlite3_column_database_name(statement, column).utf8_to_string(),
            raw.sqlite3_column_table_name(statement, column).utf8_to_string(), name, out _, out string collation, out _, out _, out _);
        return code == raw.SQLITE_OK ? collation : Binary;
    }

    private static string[] Names(sqlite3_stmt statement)
    {
        string[] names = new string[raw.sqlite3_column_count(statement)];
        for (int column = 0; column < names.Length; column++)
            names[column] = raw.sqlite3_column_name(statement, column).utf8_to_string();
        return names;
    }
}
