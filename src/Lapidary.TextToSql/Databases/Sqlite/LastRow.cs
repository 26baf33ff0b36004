using System.Runtime.InteropServices;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases.Sqlite;

/// <summary>What last_insert_rowid() gives: no rollback takes it back.</summary>
internal static partial class LastRow
{
    /// <summary>Sets it, so that a statement finds the same one however often it runs.</summary>
    public static void Set(sqlite3 database, long row) => SetLastInsertRowId(database.DangerousGetHandle(), row);

    /// <summary>SQLite's own; SQLitePCL does not have it.</summary>
    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_set_last_insert_rowid")]
    private static partial void SetLastInsertRowId(nint database, long row);
}
