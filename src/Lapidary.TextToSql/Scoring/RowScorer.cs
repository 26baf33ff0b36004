using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Filling;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql.Scoring;

/// <summary>Scores one answer to one row.</summary>
internal sealed class RowScorer(
    SqlScorerOptions options, TextToSqlRow row, string? answer, Action heartbeat, CancellationToken cancellation)
{
    private readonly string _answer = AnswerText.Sql(answer);

    /// <summary>Runs context, reference and answer.</summary>
    /// <exception cref="MemoryShortage">SQLite held too much memory.</exception>
    /// <exception cref="DatabaseFailure">The database does not let itself be read, filled or rolled back.</exception>
    public SqlScore Score()
    {
        using var database = new GuardedDatabase(LimitsOf(options), heartbeat, source: null, cancellation);
        if (database.Build(row.SqlContext) is { } failure)
        {
            return failure.Kind == SqlFailureKind.OutOfMemory ? throw new MemoryShortage()
                : NotScored(SqlVerdict.FailedContext, $"The context does not run: {failure.Message}");
        }

        bool isReading = database.IsReading(row.Sql, out var wrong);
        if (wrong is not null) return NotScored(SqlVerdict.FailedReference, $"The reference does not run: {wrong.Message}");
        var filler = DatabaseFiller.IsNeeded(database) ? new DatabaseFiller(database, row, options.Seed) : null;
        int count = filler is not null ? Math.Max(1, options.RandomDatabases) : 1;
        int current = 0;
        void Enter()
        {
            database.BeginChanges();
            filler?.Fill(current);
        }

        QueryAgreement? query = isReading ? new(database, row.Sql, _answer) : null;
        ChangeAgreement? change = isReading ? null : new(database, row.Sql, _answer, Enter, database.UndoChanges);
        var tally = new Tally();
        SqlFailure? lastFailure = null;
        for (; current < count && !tally.IsDecided; current++)
        {
            try
            {
                if (change is not null)
                {
                    tally.Add(change.On());
                    continue;
                }

                Enter();
                try
                {
                    tally.Add(query!.On());
                }
                finally
                {
                    database.UndoChanges();
                }
            }
            catch (ReferenceFailure problem)
            {
                // Chance may have made values that a reference cannot take, such as a key that it inserts.
                lastFailure = problem.Failure;
                if (lastFailure.Kind != SqlFailureKind.Invalid) break;
            }
        }

        bool isFailed = tally.Count == 0 || lastFailure is { Kind: not SqlFailureKind.Invalid };
        return isFailed ? NotScored(SqlVerdict.FailedReference, $"The reference does not run: {lastFailure!.Message}")
            : tally.IsEmpty
                ? NotScored(SqlVerdict.EmptyReference, isReading ? "The reference gives no rows." : "The reference changes nothing.")
            : Scored(tally) with { OnRandomDatabases = filler is not null };
    }

    /// <summary>A score for a row that did not come back from SQLite.</summary>
    public static SqlScore GivenUp(TextToSqlRow row, string? answer) => new()
    {
        Verdict = SqlVerdict.TimedOut,
        Why = "SQLite did not come back; the row was given up.",
        Answer = AnswerText.Sql(answer),
        Complexity = row.Complexity,
    };

    /// <summary>A score for a row that needs too much memory even alone.</summary>
    public static SqlScore OutOfMemory(TextToSqlRow row, string? answer) =>
        GivenUp(row, answer) with { Verdict = SqlVerdict.TooLarge, Why = "It needs more memory than is allowed.", IsParsed = true };

    /// <summary>A score for a row whose context makes a database that this project's own statements cannot work on.</summary>
    public static SqlScore Unusable(TextToSqlRow row, string? answer, string why) => new()
    {
        Verdict = SqlVerdict.FailedContext,
        Why = $"The context makes a database that cannot be used: {why}",
        Answer = AnswerText.Sql(answer),
        Complexity = row.Complexity,
    };

    private static GuardLimits LimitsOf(SqlScorerOptions options) => new()
    {
        MaxSteps = options.MaxSteps,
        TimeLimit = options.TimeLimit,
        MaxRows = options.MaxRows,
        MaxResultBytes = options.MaxResultBytes,
        MaxDatabaseBytes = options.MaxDatabaseBytes,
        Seed = options.Seed,
        Now = options.Now,
    };

    private SqlScore NotScored(SqlVerdict verdict, string why) =>
        new() { Verdict = verdict, Why = why, Answer = _answer, Complexity = row.Complexity };

    private SqlScore Scored(Tally tally)
    {
        var shown = tally.FirstDifference ?? tally.First!;
        return new SqlScore
        {
            Verdict = tally.FirstDifference is not { } wrong ? SqlVerdict.Right : wrong.Failure is not { } failure ? SqlVerdict.Wrong
                : failure.Kind switch
                {
                    SqlFailureKind.Refused => SqlVerdict.Refused,
                    SqlFailureKind.TimedOut => SqlVerdict.TimedOut,
                    SqlFailureKind.TooLarge => SqlVerdict.TooLarge,
                    _ => SqlVerdict.InvalidSql,
                },
            Why = tally.FirstDifference?.Ours,
            Answer = _answer,
            Expected = shown.Expected?.Shown(),
            Found = shown.Found?.Shown(),
            IsParsed = tally.FirstDifference?.Failure is not { IsCompiled: false },
            IsRightByTestSuite = tally.IsRightByTestSuite,
            IsRightByBird = tally.IsRightByBird,
            Complexity = row.Complexity,
        };
    }

    /// <summary>What all databases say together.</summary>
    private sealed class Tally
    {
        public int Count { get; private set; }

        public bool IsEmpty { get; private set; } = true;

        public bool IsRightByTestSuite { get; private set; } = true;

        public bool IsRightByBird { get; private set; } = true;

        public Agreement? First { get; private set; }

        public Agreement? FirstDifference { get; private set; }

        /// <summary>Whether no further database can change the score.</summary>
        public bool IsDecided => !IsEmpty && FirstDifference is not null && !IsRightByTestSuite && !IsRightByBird;

        public void Add(Agreement agreement)
        {
            Count++;
            if (!agreement.IsEmpty && (First is null || IsEmpty)) First = agreement;
            First ??= agreement;
            IsEmpty &= agreement.IsEmpty;
            IsRightByTestSuite &= agreement.TestSuite;
            IsRightByBird &= agreement.Bird;
            if (agreement.Ours is not null) FirstDifference ??= agreement;
        }
    }
}
