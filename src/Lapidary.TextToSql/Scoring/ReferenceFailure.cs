using Lapidary.TextToSql.Databases;

namespace Lapidary.TextToSql.Scoring;

/// <summary>A reference that does not run on a database.</summary>
internal sealed class ReferenceFailure(SqlFailure failure) : Exception(failure.Message)
{
    /// <summary>Why.</summary>
    public SqlFailure Failure { get; } = failure;
}

/// <summary>SQLite held too much memory: perhaps by what ran beside this row, which is to be tried again alone.</summary>
internal sealed class MemoryShortage() : Exception("Too much memory");
