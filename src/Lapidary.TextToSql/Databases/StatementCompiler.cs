using System.Text;
using Lapidary.TextToSql.Queries;
using SQLitePCL;

namespace Lapidary.TextToSql.Databases;

/// <summary>Compiles statements that nobody has checked, and says of those that do not run why.</summary>
/// <param name="session">The connection.</param>
internal sealed class StatementCompiler(StatementSession session)
{
    private const int ShownLength = 40;

    /// <summary>What the views weigh that statements may name.</summary>
    private readonly Dictionary<string, int> _views = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Learns what a view weighs; views that it names come before it.</summary>
    public void AddView(string sql) => QueryWeight.Of(SqlTokenizer.Tokens(sql), _views);

    /// <summary>Compiles a statement, alone in its text.</summary>
    /// <returns>The statement; or null, or one that must not run, with the failure.</returns>
    public sqlite3_stmt? Compile(string sql, GuardMode mode, out SqlFailure? failure)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(sql + '\0');
        failure = Unfit(sql, bytes.Length, session.Limits.MaxStatementBytes);
        if (failure is not null) return null;
        session.Limit(raw.SQLITE_LIMIT_VDBE_OP, 100_000);
        session.Guard.Mode = mode;
        session.Begin();
        ReadOnlySpan<byte> rest = bytes;
        sqlite3_stmt statement;
        int code;
        do
        {
            // Semicolons and comments at the start give statements of nothing.
            code = raw.sqlite3_prepare_v2(session.Handle, rest, out statement, out rest);
        }
        while (code == raw.SQLITE_OK && statement.IsInvalid && rest.Length > 1);

        if (code != raw.SQLITE_OK)
        {
            failure = session.Failure(code, isCompiled: false);
            return null;
        }

        session.WatchPatterns();
        string tail = Encoding.UTF8.GetString(rest).TrimEnd('\0');
        var next = SqlTokenizer.Tokens(tail).FirstOrDefault(token => !token.IsSymbol(";"));
        failure = statement.IsInvalid ? new SqlFailure(SqlFailureKind.Invalid, "There is no SQL statement in the text.")
            : next.End > 0
                ? new SqlFailure(SqlFailureKind.Refused, $"One statement is allowed; after it comes \"{Shorten(tail[next.Start..])}\".")
            : mode == GuardMode.Read && raw.sqlite3_column_count(statement) == 0
                ? new SqlFailure(SqlFailureKind.Refused, StatementGuard.OnlyQueries + ".") { IsWrite = true }
            : Unsuitable(statement);
        return statement;
    }

    /// <summary>Why a text is not compiled; null where it may be.</summary>
    /// <param name="sql">The text.</param>
    /// <param name="bytes">Its length in UTF-8.</param>
    /// <param name="maxBytes">The most that is allowed.</param>
    public SqlFailure? Unfit(string sql, int bytes, int maxBytes) =>
        bytes > maxBytes ? new SqlFailure(SqlFailureKind.TooLarge, $"The SQL has {bytes} bytes, expected at most {maxBytes}; shorten it.")
        : sql.IndexOf('\0') is >= 0 and var at
            ? new SqlFailure(SqlFailureKind.Invalid, $"The SQL has a NUL character after {at} others, expected text; leave it out.")
        : QueryWeight.Of(SqlTokenizer.Tokens(sql), _views) > QueryWeight.Limit
            ? new SqlFailure(
                SqlFailureKind.TooLarge,
                $"Written out, the views and WITH clauses of the SQL name more than {QueryWeight.Limit} tables; name fewer.")
        : null;

    /// <summary>Why a statement that compiles is not run; null where it is.</summary>
    public static SqlFailure? Unsuitable(sqlite3_stmt statement) =>
        raw.sqlite3_stmt_isexplain(statement) != 0 ? new SqlFailure(SqlFailureKind.Refused, "EXPLAIN is not allowed.")
        : raw.sqlite3_bind_parameter_count(statement) > 0
            ? new SqlFailure(
                SqlFailureKind.Invalid,
                $"The SQL has a parameter, {raw.sqlite3_bind_parameter_name(statement, 1).utf8_to_string() ?? "?"}, and nothing gives it "
                + "a value; write the value in its place.")
        : null;

    /// <summary>How a statement starts, on one line of a message.</summary>
    public static string Shorten(string text)
    {
        text = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return text.Length <= ShownLength ? text : text[..(ShownLength - 1)] + "…";
    }
}
