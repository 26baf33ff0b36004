namespace Lapidary.TextToSql.Databases;

/// <summary>Runs one query on a context, once.</summary>
internal static class Sandbox
{
    /// <summary>Builds a context in memory and runs a statement on it, all under the guard.</summary>
    /// <param name="context">Statements that create and fill tables.</param>
    /// <param name="sql">One statement; it may write.</param>
    /// <param name="limits">Null for the defaults.</param>
    /// <param name="cancellation">Stops it.</param>
    /// <returns>The rows; or the failure, with a message of one line.</returns>
    public static SqlOutcome Run(string context, string sql, GuardLimits? limits = null, CancellationToken cancellation = default)
    {
        using var database = new GuardedDatabase(limits ?? new GuardLimits(), cancellation: cancellation);
        return database.Build(context) is { } failure
            ? new SqlOutcome(null, failure with { Message = $"The context fails: {failure.Message}" })
            : database.Run(sql, GuardMode.Write);
    }
}
