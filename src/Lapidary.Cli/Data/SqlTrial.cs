using Lapidary.TextToSql.Databases;
using Lapidary.Training.Data.Files;

namespace Lapidary.Cli.Data;

/// <summary>Whether a row's context and query run in SQLite, under the guard.</summary>
/// <param name="ContextError">Why the context fails; null if it runs.</param>
/// <param name="QueryError">Why the query fails; null if it runs, or the context fails.</param>
/// <param name="IsEmpty">Whether a query that reads has no rows.</param>
internal sealed record SqlTrial(string? ContextError, string? QueryError, bool IsEmpty)
{
    private const string Context = "sql_context", Query = "sql";

    /// <summary>Tries a row; null if it has no sql_context and sql.</summary>
    public static SqlTrial? Of(DataRecord record)
    {
        if (record.Columns.GetValueOrDefault(Context) is not string context || record.Columns.GetValueOrDefault(Query) is not string query)
            return null;
        using var database = new GuardedDatabase(new GuardLimits());
        if (database.Build(context) is { } broken) return new(broken.Message, null, IsEmpty: false);
        var outcome = database.Run(query, GuardMode.Write);
        return outcome.Failure is { } failure
            ? new(null, failure.Message, IsEmpty: false)
            : new(null, null, outcome.Result is { Columns.Length: > 0, Rows.Count: 0 });
    }
}
