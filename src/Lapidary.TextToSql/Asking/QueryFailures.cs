using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Asking;

/// <summary>What is said about a query that gave no rows.</summary>
internal static class QueryFailures
{
    /// <summary>One line.</summary>
    public static string Describe(SqlFailure failure, string sql)
    {
        if (failure.IsWrite)
        {
            string start = string.Join(' ', SqlTokenizer.Tokens(sql).Take(3).Select(token => token.Value));
            return $"Only queries run, and \"{start}\" begins something else; nothing was changed.";
        }

        return failure.Kind == SqlFailureKind.Refused ? $"The query is refused: {failure.Message}" : failure.Message;
    }

    /// <summary>Whether a model may do better when it sees the message: not where it wants to write, and not after a limit, which the next
    /// query would meet too.</summary>
    public static bool MayBeRepaired(SqlFailure failure) =>
        failure is { IsWrite: false, Kind: SqlFailureKind.Invalid or SqlFailureKind.Refused };
}
