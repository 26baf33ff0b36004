using System.Text;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases.Sqlite;

/// <summary>Values as null, long, double, string or byte[].</summary>
internal static class StatementValues
{
    /// <summary>The value of a column in the current row.</summary>
    public static object? Read(sqlite3_stmt statement, int column) => raw.sqlite3_column_type(statement, column) switch
    {
        raw.SQLITE_INTEGER => raw.sqlite3_column_int64(statement, column),
        raw.SQLITE_FLOAT => raw.sqlite3_column_double(statement, column),
        raw.SQLITE_TEXT => Encoding.UTF8.GetString(raw.sqlite3_column_blob(statement, column)),
        raw.SQLITE_BLOB => raw.sqlite3_column_blob(statement, column).ToArray(),
        _ => null,
    };

    /// <summary>Sets a parameter; the first one is 1.</summary>
    public static void Bind(sqlite3_stmt statement, int index, object? value)
    {
        switch (value)
        {
            case null: raw.sqlite3_bind_null(statement, index); break;
            case long number: raw.sqlite3_bind_int64(statement, index, number); break;
            case double number: raw.sqlite3_bind_double(statement, index, number); break;
            case string text: raw.sqlite3_bind_text(statement, index, text); break;
            case byte[] blob: raw.sqlite3_bind_blob(statement, index, blob); break;
            default: throw new ArgumentException($"A {value.GetType().Name} is no SQL value.", nameof(value));
        }
    }

    /// <summary>Bytes that a value takes, roughly.</summary>
    public static int Bytes(sqlite3_stmt statement, int column) =>
        8 + (raw.sqlite3_column_type(statement, column) is raw.SQLITE_TEXT or raw.SQLITE_BLOB
            ? raw.sqlite3_column_bytes(statement, column) : 0);
}
