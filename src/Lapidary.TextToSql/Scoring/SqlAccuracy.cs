namespace Lapidary.TextToSql;

/// <summary>Execution accuracy over many answers. Rates are fractions of <see cref="Rows"/>.</summary>
public sealed record SqlAccuracy
{
    /// <summary>Rows that were scored; those counted in EmptyReference, FailedContext and FailedReference are not among them.</summary>
    public required int Rows { get; init; }

    /// <summary>Share of right answers, from 0 to 1; 0 where no row was scored.</summary>
    public required double ExecutionAccuracy { get; init; }

    /// <summary>Wilson's 95 % confidence interval of <see cref="ExecutionAccuracy"/>; (0, 1) where no row was scored.</summary>
    public required (double Low, double High) Interval { get; init; }

    /// <summary>Share of answers that SQLite compiled, as one statement that may run.</summary>
    public required double ParseRate { get; init; }

    /// <summary>Share of right answers by the definition of Spider's test suite, on the same databases.</summary>
    public required double TestSuiteAccuracy { get; init; }

    /// <summary>Share of right answers by BIRD's definition, on the same databases.</summary>
    public required double BirdAccuracy { get; init; }

    /// <summary>Rows left out, as the reference's result is empty on every database.</summary>
    public required int EmptyReference { get; init; }

    /// <summary>Rows left out, as their context fails.</summary>
    public required int FailedContext { get; init; }

    /// <summary>Rows left out, as their reference fails.</summary>
    public required int FailedReference { get; init; }

    /// <summary>Scored rows that were decided on databases filled at random.</summary>
    public required int OnRandomDatabases { get; init; }

    /// <summary>Number of rows of each verdict, also of those that are zero.</summary>
    public required IReadOnlyDictionary<SqlVerdict, int> ByVerdict { get; init; }

    /// <summary>Scored rows and accuracy of each complexity, by name; empty where rows name none.</summary>
    public required IReadOnlyDictionary<string, SqlComplexityAccuracy> ByComplexity { get; init; }

    /// <summary>Counts scores.</summary>
    /// <param name="scores">One for each row.</param>
    public static SqlAccuracy Of(IEnumerable<SqlScore> scores)
    {
        var all = scores.ToList();
        var scored = all.Where(score => score.IsScored).ToList();
        var counts = all.CountBy(score => score.Verdict).ToDictionary();
        double Share(Func<SqlScore, bool> predicate) => scored.Count == 0 ? 0 : (double)scored.Count(predicate) / scored.Count;
        return new SqlAccuracy
        {
            Rows = scored.Count,
            ExecutionAccuracy = Share(score => score.IsRight),
            Interval = Wilson(scored.Count(score => score.IsRight), scored.Count),
            ParseRate = Share(score => score.IsParsed),
            TestSuiteAccuracy = Share(score => score.IsRightByTestSuite),
            BirdAccuracy = Share(score => score.IsRightByBird),
            EmptyReference = counts.GetValueOrDefault(SqlVerdict.EmptyReference),
            FailedContext = counts.GetValueOrDefault(SqlVerdict.FailedContext),
            FailedReference = counts.GetValueOrDefault(SqlVerdict.FailedReference),
            OnRandomDatabases = scored.Count(score => score.OnRandomDatabases),
            ByVerdict = Enum.GetValues<SqlVerdict>().ToDictionary(verdict => verdict, verdict => counts.GetValueOrDefault(verdict)),
            ByComplexity = scored.Where(score => score.Complexity is not null).GroupBy(score => score.Complexity!)
                .OrderBy(group => group.Key, StringComparer.Ordinal)
                .ToDictionary(group => group.Key, group => new SqlComplexityAccuracy(
                    group.Count(), (double)group.Count(score => score.IsRight) / group.Count())),
        };
    }

    /// <summary>The interval in which the true share lies with 95 % confidence, by Wilson's score.</summary>
    private static (double Low, double High) Wilson(int right, int rows)
    {
        if (rows == 0) return (0, 1);
        const double z = 1.959963984540054;
        double share = (double)right / rows, z2 = z * z / rows;
        double center = (share + (z2 / 2)) / (1 + z2);
        double half = z * Math.Sqrt(((share * (1 - share)) + (z2 / 4)) / rows) / (1 + z2);

        // At the ends these are 0 and 1 but for rounding.
        return (right == 0 ? 0 : Math.Max(0, center - half), right == rows ? 1 : Math.Min(1, center + half));
    }
}

/// <summary>Accuracy on the rows of one complexity.</summary>
/// <param name="Rows">Rows that were scored.</param>
/// <param name="ExecutionAccuracy">Share of right answers, from 0 to 1.</param>
public sealed record SqlComplexityAccuracy(int Rows, double ExecutionAccuracy);
