namespace Lapidary.TextToSql;

/// <summary>One answer, scored by running it.</summary>
public sealed record SqlScore
{
    /// <summary>What came of it.</summary>
    public required SqlVerdict Verdict { get; init; }

    /// <summary>Why it is not right, in one line; null where it is.</summary>
    public string? Why { get; init; }

    /// <summary>The SQL of the answer: without code fences and what stands around them.</summary>
    public required string Answer { get; init; }

    /// <summary>The reference's result on the database that decided; null where it did not run.</summary>
    public SqlResult? Expected { get; init; }

    /// <summary>The answer's result on the same database; null where it did not run.</summary>
    public SqlResult? Found { get; init; }

    /// <summary>Whether the row counts: context and reference run, and the reference's result is not empty on every database.</summary>
    public bool IsScored => Verdict is not (SqlVerdict.EmptyReference or SqlVerdict.FailedContext or SqlVerdict.FailedReference);

    /// <summary>Whether the answer is right by this project's definition.</summary>
    public bool IsRight => Verdict == SqlVerdict.Right;

    /// <summary>Whether it is right by the definition of Spider's test suite, on the same databases.</summary>
    public bool IsRightByTestSuite { get; init; }

    /// <summary>Whether it is right by BIRD's definition, on the same databases.</summary>
    public bool IsRightByBird { get; init; }

    /// <summary>Whether SQLite compiled the answer, as one statement that may run.</summary>
    public bool IsParsed { get; init; }

    /// <summary>Whether databases filled at random were used, as tables that the reference reads have no rows.</summary>
    public bool OnRandomDatabases { get; init; }

    /// <summary>The row's complexity, where the data set names one.</summary>
    public string? Complexity { get; init; }
}
