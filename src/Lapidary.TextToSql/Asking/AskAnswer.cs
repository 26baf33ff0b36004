namespace Lapidary.TextToSql;

/// <summary>The answer to a question.</summary>
public sealed record AskAnswer
{
    /// <summary>The question.</summary>
    public required string Question { get; init; }

    /// <summary>The queries that the model wrote, in order; the last one gave the rows, if any did.</summary>
    public required IReadOnlyList<AskAttempt> Attempts { get; init; }

    /// <summary>The rows; null where no query gave any.</summary>
    public SqlResult? Result { get; init; }

    /// <summary>What a user may not expect, one line each: which part of the schema the model saw, an answer that was cut.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Wall-clock time of the model and its queries.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The last query.</summary>
    public string Sql => Attempts[^1].Sql;

    /// <summary>Why there are no rows, in one line; null where there are.</summary>
    public string? Error => Result is null ? Attempts[^1].Error : null;
}

/// <summary>A query that a model wrote.</summary>
/// <param name="Sql">The query, without fences and text around it.</param>
/// <param name="Error">Why it gave no rows, in one line; null where it did.</param>
public sealed record AskAttempt(string Sql, string? Error);
