using System.Diagnostics;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.TextToSql.Asking;
using Lapidary.TextToSql.Names;
using Lapidary.TextToSql.Queries;

namespace Lapidary.TextToSql;

/// <summary>Answers questions in plain words: a model writes a query, which runs on the data under a guard. A query that fails is
/// written again: held to the names of the schema if it strayed from them, else with the error in sight. Thread-safe.</summary>
/// <remarks>The prompt is that of Google's guide (<see cref="Training.RowTemplate.TextToSql"/>), and the answer the likeliest, as in
/// <see cref="SqlEvaluation"/>.</remarks>
public sealed class QuestionAsker
{
    private readonly AskedData _data;
    private readonly ISqlWriter _writer;
    private readonly AskOptions _options;

    /// <summary>Creates it for a loaded model.</summary>
    /// <param name="data">The data, which the caller owns.</param>
    /// <param name="engine">Of the model; the caller owns it, and others may use it too.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">Its chat template.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="LapidaryException">An option is out of range.</exception>
    public QuestionAsker(
        AskedData data, GenerationEngine engine, Tokenizer tokenizer, ChatTemplate template, AskOptions? options = null)
        : this(data, new EngineWriter(engine, tokenizer, template, options?.MaxLength ?? 0), options ?? new())
    {
    }

    internal QuestionAsker(AskedData data, ISqlWriter writer, AskOptions options)
    {
        options.Validate();
        (_data, _writer, _options) = (data, writer, options);
    }

    /// <summary>Answers a question.</summary>
    /// <param name="question">In the words that the model was trained on.</param>
    /// <param name="onUpdate">Receives what happens as it happens, on any thread; it must be fast. Null for nothing.</param>
    /// <param name="cancellationToken">Stops the model, or the query that runs.</param>
    /// <returns>The rows; or, where no query gave any, why.</returns>
    /// <exception cref="LapidaryException">The question does not fit into the model's context, memory is insufficient, or the data cannot
    /// be read.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<AskAnswer> AskAsync(
        string question, Action<AskUpdate>? onUpdate = null, CancellationToken cancellationToken = default)
    {
        if (string.IsNullOrWhiteSpace(question)) throw new LapidaryException("The question is empty; ask something about the data.");
        long started = Stopwatch.GetTimestamp();
        _data.Refresh(cancellationToken);
        var schema = new PromptSchema(_data.Tables, question.Trim(), _options.ShowRows);
        var attempts = new List<AskAttempt>();
        var notes = new List<string>();
        List<ChatTurn> repairs = [];
        SqlForm? names = null; // of the schema, to which the next answer is held
        int most = _options.MaxRetries + 1, answerTokens = Math.Min(_options.MaxNewTokens, Math.Max(1, _writer.Context / 4));
        while (true)
        {
            onUpdate?.Invoke(new AskUpdate.Begins(attempts.Count + 1, most));
            var fitted = schema.Fit(turn => _writer.Count([turn, .. repairs]), _writer.Context - answerTokens);
            if (fitted.Note is { } note && !notes.Contains(note)) notes.Add(note);
            var written = await _writer.WriteAsync(
                [fitted.Turn, .. repairs], names, answerTokens, piece => onUpdate?.Invoke(new AskUpdate.Writes(piece)),
                cancellationToken).ConfigureAwait(false);
            string sql = AnswerText.Sql(written.Text);
            onUpdate?.Invoke(new AskUpdate.Runs(sql));
            bool isRepeated = attempts.Exists(attempt => attempt.Sql == sql);
            var outcome = isRepeated ? null : _data.Run(sql, _options.Limits, cancellationToken);
            if (outcome?.Result is { } rows)
            {
                attempts.Add(new AskAttempt(sql, null));
                return Answer(SqlResult.Of(rows));
            }

            string error = outcome is null ? $"The model wrote the same query again. {attempts[^1].Error}"
                : QueryFailures.Describe(outcome.Failure!, sql, _options.Limits);
            if (written.IsCut) error += $" (The answer was cut after {answerTokens} tokens.)";
            attempts.Add(new AskAttempt(sql, error));
            bool isLast = attempts.Count >= most || outcome is null || !QueryFailures.MayBeRepaired(outcome.Failure!);
            onUpdate?.Invoke(new AskUpdate.Fails(error, isLast));
            if (isLast) return Answer(null);
            names = names is null ? StrayedFrom(sql, written.IsCut) : null;
            if (names is not null) continue;
            repairs.Add(new ChatTurn("assistant", sql.Length > 0 ? sql : "SELECT"));
            repairs.Add(new ChatTurn("user", $"This query fails: {error}\nWrite the corrected SQL query."));
            if (!schema.Fits(turn => _writer.Count([turn, .. repairs]), _writer.Context - answerTokens))
            {
                notes.Add("The model's context has no room for the error, so it did not try again.");
                return Answer(null);
            }
        }

        SqlForm? StrayedFrom(string sql, bool isCut)
        {
            var form = new SqlForm(new SchemaNames([.. _data.Tables.Select(table => table.Names)]));
            return form.Has(sql, isCut) ? null : form;
        }

        AskAnswer Answer(SqlResult? result) => new()
        {
            Question = question,
            Attempts = attempts,
            Result = result,
            Notes = notes,
            Elapsed = Stopwatch.GetElapsedTime(started),
        };
    }
}
