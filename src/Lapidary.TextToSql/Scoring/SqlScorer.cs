using Lapidary.Formats;
using Lapidary.TextToSql.Databases;
using Lapidary.TextToSql.Scoring;

namespace Lapidary.TextToSql;

/// <summary>Scores answers by running them in SQLite, in memory and under a guard: execution accuracy.</summary>
/// <param name="options">Null for the defaults.</param>
/// <remarks>Thread-safe. A score is a function of row, answer and options alone.</remarks>
public sealed class SqlScorer(SqlScorerOptions? options = null)
{
    /// <summary>How long SQLite may take to look whether it is to stop.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Held for reading by rows beside each other, for writing by one alone.</summary>
    private static readonly ReaderWriterLockSlim Beside = new();

    private readonly SqlScorerOptions _options = options ?? new();

    /// <summary>Scores one answer.</summary>
    /// <param name="row">The row with context and reference.</param>
    /// <param name="answer">What a model wrote; null is an empty answer.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public SqlScore Score(TextToSqlRow row, string? answer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(row);
        return ScoreAll([row], [answer], null, cancellationToken)[0];
    }

    /// <summary>Scores answers to rows, in parallel.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="answers">An answer for each row, in the same order.</param>
    /// <param name="progress">Told from one thread at a time.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>A score for each row, in the same order.</returns>
    /// <exception cref="LapidaryException">Not as many answers as rows.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public IReadOnlyList<SqlScore> ScoreAll(
        IReadOnlyList<TextToSqlRow> rows,
        IReadOnlyList<string?> answers,
        Action<WorkProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(answers);
        if (rows.Count != answers.Count)
            throw new LapidaryException($"There are {answers.Count} answers for {rows.Count} rows; one for each row is expected.");
        var scores = new SqlScore[rows.Count];
        int threads = _options.Threads > 0 ? _options.Threads : Environment.ProcessorCount;
        new WatchedWork(_options.TimeLimit + Patience, cancellationToken).Run(
            rows.Count,
            threads,
            (index, heartbeat) =>
            {
                var score = ScoreOne(rows[index], answers[index], heartbeat, cancellationToken);
                return () => scores[index] = score;
            },
            index => scores[index] = RowScorer.GivenUp(rows[index], answers[index]),
            progress is null ? null : done => progress(new WorkProgress("running SQL", done, rows.Count, "rows")));
        return scores;
    }

    /// <summary>Scores a row beside others; where SQLite holds too much memory, again alone, so that the score is the row's own.</summary>
    private SqlScore ScoreOne(TextToSqlRow row, string? answer, Action heartbeat, CancellationToken cancellation)
    {
        SqlScore Score()
        {
            try
            {
                return new RowScorer(_options, row, answer, heartbeat, cancellation).Score();
            }
            catch (DatabaseFailure problem)
            {
                // One row never ends a run.
                return problem.Failure.Kind == SqlFailureKind.OutOfMemory ? throw new MemoryShortage()
                    : RowScorer.Unusable(row, answer, problem.Message);
            }
        }

        bool Enter(Func<int, bool> tryEnter)
        {
            // A row that was given up keeps its place for ever.
            for (int attempt = 0; attempt < 100; attempt++)
            {
                if (tryEnter(500)) return true;
                cancellation.ThrowIfCancellationRequested();
                heartbeat();
            }

            return false;
        }

        bool isBeside = Enter(Beside.TryEnterReadLock);
        try
        {
            return Score();
        }
        catch (MemoryShortage)
        {
        }
        finally
        {
            if (isBeside) Beside.ExitReadLock();
        }

        bool isAlone = Enter(Beside.TryEnterWriteLock);
        try
        {
            return Score();
        }
        catch (MemoryShortage)
        {
            return RowScorer.OutOfMemory(row, answer);
        }
        finally
        {
            if (isAlone) Beside.ExitWriteLock();
        }
    }
}
