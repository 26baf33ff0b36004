namespace Lapidary.TextToSql;

/// <summary>What came of one answer.</summary>
public enum SqlVerdict
{
    /// <summary>The same result as the reference's, on every database.</summary>
    Right,

    /// <summary>Another result.</summary>
    Wrong,

    /// <summary>Empty, no SQL that SQLite compiles on the schema, or an error while it ran.</summary>
    InvalidSql,

    /// <summary>Something that an answer may not do: write where the reference reads, a second statement, PRAGMA, ATTACH,
    /// EXPLAIN.</summary>
    Refused,

    /// <summary>Stopped at the limit of steps or time.</summary>
    TimedOut,

    /// <summary>Stopped at the limit of rows, bytes or memory.</summary>
    TooLarge,

    /// <summary>Not scored: the reference gives no rows (or changes nothing) on any database, so a match would prove nothing.</summary>
    EmptyReference,

    /// <summary>Not scored: sql_context is not what SQLite runs within the limits.</summary>
    FailedContext,

    /// <summary>Not scored: the reference is not what SQLite runs within the limits.</summary>
    FailedReference,
}
