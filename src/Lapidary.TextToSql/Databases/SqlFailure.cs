namespace Lapidary.TextToSql.Databases;

/// <summary>Why a statement gave no result.</summary>
/// <param name="Kind">What kind of failure it is.</param>
/// <param name="Message">One line.</param>
/// <param name="IsCompiled">Whether SQLite compiled the statement, so that it failed as it ran.</param>
internal sealed record SqlFailure(SqlFailureKind Kind, string Message, bool IsCompiled = false)
{
    /// <summary>Whether the guard refused it because it is no query.</summary>
    public bool IsWrite { get; init; }

    /// <summary>SQLite's code; 0 where it gave none.</summary>
    public int Code { get; init; }
}

/// <summary>Kinds of failure.</summary>
internal enum SqlFailureKind
{
    /// <summary>SQLite's own error: syntax, names, types, constraints.</summary>
    Invalid,

    /// <summary>The guard did not let it run.</summary>
    Refused,

    /// <summary>The limit of steps, or the net behind it.</summary>
    TimedOut,

    /// <summary>The limit of rows, bytes or the database's size.</summary>
    TooLarge,

    /// <summary>The limit of memory, which all databases of the process share.</summary>
    OutOfMemory,

    /// <summary>A user's file: locked, damaged or gone.</summary>
    Unreadable,
}
