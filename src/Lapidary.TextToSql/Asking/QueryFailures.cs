using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Asking;

/// <summary>What is said about a query that gave no rows.</summary>
internal static class QueryFailures
{
    private const int ShownWords = 3;

    /// <summary>One line.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="sql">The query.</param>
    /// <param name="limits">What the query might take.</param>
    public static string Describe(SqlFailure failure, string sql, QueryLimits limits)
    {
        if (failure.IsWrite)
        {
            var tokens = SqlTokenizer.Tokens(sql);
            string start = string.Join(' ', tokens.Skip(StatementVerb.Find(tokens)).Take(ShownWords).Select(token => token.Value));
            return $"\"{start}\" is refused: only queries run (SELECT, VALUES, WITH … SELECT); nothing was changed.";
        }

        return failure.Kind switch
        {
            SqlFailureKind.Refused => $"The query is refused: {failure.Message}",
            SqlFailureKind.TimedOut => $"{failure.Message.TrimEnd('.')}; read or join fewer rows{limits.MoreTime}.",
            SqlFailureKind.OutOfMemory => $"{failure.Message.TrimEnd('.')}; sort, group or join fewer rows.",
            _ => failure.Message,
        };
    }

    /// <summary>The failure of a query as it is, where the guard saw a write that the query did not ask for: SQLite makes the columns of a
    /// virtual table anew each time that one is named.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="sql">The query.</param>
    /// <param name="virtuals">Names of the virtual tables.</param>
    public static SqlFailure Corrected(SqlFailure failure, string sql, IReadOnlyList<string> virtuals)
    {
        var tokens = SqlTokenizer.Tokens(sql);
        int verb = StatementVerb.Find(tokens);
        if (!failure.IsWrite || verb == tokens.Count || !StatementVerb.IsQuery(tokens[verb])) return failure;
        string? name = virtuals.FirstOrDefault(name => tokens.Any(
            token => token.IsName && token.Value.Equals(name, StringComparison.OrdinalIgnoreCase)));
        return failure with { IsWrite = false, Message = StatementGuard.VirtualTable(name) + "." };
    }

    /// <summary>Whether a model may do better when it sees the message: not where it wants to write, and not after a limit, which the next
    /// query would meet too.</summary>
    public static bool MayBeRepaired(SqlFailure failure) =>
        failure is { IsWrite: false, Kind: SqlFailureKind.Invalid or SqlFailureKind.Refused };
}
