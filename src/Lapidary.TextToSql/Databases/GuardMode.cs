namespace Lapidary.TextToSql.Databases;

/// <summary>What statements may do.</summary>
internal enum GuardMode
{
    /// <summary>This project's own statements: everything.</summary>
    Open,

    /// <summary>A context: create, fill and read tables.</summary>
    Build,

    /// <summary>A query that reads.</summary>
    Read,

    /// <summary>A statement that may change the database.</summary>
    Write,
}
