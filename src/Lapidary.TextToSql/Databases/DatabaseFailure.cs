using Lapidary.Formats;

namespace Lapidary.TextToSql.Databases;

/// <summary>This project's own statement failed: what a context or an answer made of the database does not let it run.</summary>
internal sealed class DatabaseFailure(SqlFailure failure) : LapidaryException(failure.Message)
{
    /// <summary>Why.</summary>
    public SqlFailure Failure { get; } = failure;
}
