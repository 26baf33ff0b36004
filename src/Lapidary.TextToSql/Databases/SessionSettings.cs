using System.Collections.Frozen;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>Settings of a connection that statements cannot change, as they may use no PRAGMA.</summary>
internal static class SessionSettings
{
    /// <summary>How long to wait for another program that writes to a user's database.</summary>
    private const int BusyMilliseconds = 2000;

    /// <summary>Kinds of virtual tables of this SQLite.</summary>
    private static FrozenSet<string>? _modules;

    /// <summary>Applies them to a connection that nothing watches yet.</summary>
    /// <exception cref="DatabaseFailure">The database cannot be read.</exception>
    public static void Apply(StatementSession session)
    {
        // As the sqlite3 shell and Python have them: the reference queries of Spider have texts in double quotes, and contexts fill
        // tables in any order. To a user, a column that is not there must be an error, and no text.
        int allowsQuotedTexts = session.IsUsers ? 0 : 1;
        Configure(raw.SQLITE_DBCONFIG_DQS_DML, allowsQuotedTexts);
        Configure(raw.SQLITE_DBCONFIG_DQS_DDL, allowsQuotedTexts);
        Configure(raw.SQLITE_DBCONFIG_ENABLE_FKEY, 0);
        Configure(raw.SQLITE_DBCONFIG_DEFENSIVE, 1);
        Configure(raw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0);
        Configure(raw.SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0);
        session.Ask("PRAGMA temp_store = MEMORY");
        session.Ask($"PRAGMA cell_size_check = {(session.IsUsers ? "ON" : "OFF")}");
        if (session.IsUsers)
        {
            raw.sqlite3_busy_timeout(session.Handle, BusyMilliseconds);
            session.Ask("PRAGMA query_only = ON");
        }
        else
        {
            session.Ask($"PRAGMA max_page_count = {Math.Max(10, session.Limits.MaxDatabaseBytes / 4096)}");
        }

        session.Limit(raw.SQLITE_LIMIT_SQL_LENGTH, session.Limits.MaxContextBytes);
        session.Limit(raw.SQLITE_LIMIT_LENGTH, session.Limits.MaxValueBytes);
        session.Limit(raw.SQLITE_LIMIT_ATTACHED, 0);
        session.Limit(raw.SQLITE_LIMIT_COMPOUND_SELECT, 50);
        session.Limit(raw.SQLITE_LIMIT_EXPR_DEPTH, 200);
        session.Limit(raw.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 500);
        session.Limit(raw.SQLITE_LIMIT_TRIGGER_DEPTH, 10);
        session.Limit(raw.SQLITE_LIMIT_WORKER_THREADS, 0);
        session.Guard.SetModules(LazyInitializer.EnsureInitialized(
            ref _modules,
            () => session.Ask("SELECT name FROM pragma_module_list").Select(row => (string)row[0]!)
                .ToFrozenSet(StringComparer.OrdinalIgnoreCase)));

        void Configure(int what, int value) => session.Check(raw.sqlite3_db_config(session.Handle, what, value, out _));
    }
}
