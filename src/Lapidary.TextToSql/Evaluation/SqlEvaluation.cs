using System.Buffers.Binary;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Training;

namespace Lapidary.TextToSql;

/// <summary>Asks a model for the SQL that answers some questions, runs it, and measures how often it gives the right rows. As the metric of
/// a run, it measures the model in training at each evaluation. Thread-safe; ranks may share one.</summary>
/// <remarks>Answers are the likeliest tokens, so the same model gives the same value. Rows that cannot be scored (context or reference
/// fail, or the reference's result is empty) are left out before anything is generated.</remarks>
public sealed class SqlEvaluation : IEvaluationMetric
{
    /// <summary>The name of the metric.</summary>
    public const string MetricName = "sql_execution";

    /// <summary>Answers that are shown to people.</summary>
    private const int SampleCount = 5;

    private readonly Tokenizer _tokenizer;
    private readonly int[][] _prompts;
    private readonly TextToSqlRow[] _rows;
    private readonly SqlEvaluationOptions _options;
    private readonly SqlScorer _scorer;

    private SqlEvaluation(
        Tokenizer tokenizer, int[][] prompts, TextToSqlRow[] rows, SqlEvaluationOptions options, SqlScorer scorer, int drawn) =>
        (_tokenizer, _prompts, _rows, _options, _scorer, Drawn) = (tokenizer, prompts, rows, options, scorer, drawn);

    /// <summary>Receives the number of answers while a run measures, from rank 0; null for nothing.</summary>
    public IProgress<WorkProgress>? Progress { get; set; }

    /// <summary>Number of rows that were drawn, including those that cannot be scored.</summary>
    public int Drawn { get; }

    /// <summary>The rows that the model is asked about.</summary>
    public IReadOnlyList<TextToSqlRow> Rows => _rows;

    /// <inheritdoc/>
    public string Name => MetricName;

    /// <inheritdoc/>
    public IReadOnlyList<EvaluationSample> Samples { get; private set; } = [];

    /// <inheritdoc/>
    public int Texts => _rows.Length;

    /// <inheritdoc/>
    public int TextLength => _prompts.Max(prompt => prompt.Length) + _options.MaxNewTokens;

    /// <summary>Prepares an evaluation with the prompts of Google's guide (<see cref="RowTemplate.TextToSql"/>).</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="template">Its chat template.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <param name="cancellationToken">Stops the check of the rows.</param>
    /// <exception cref="LapidaryException">No row can be scored, or an option is out of range.</exception>
    public static SqlEvaluation Create(
        Tokenizer tokenizer, ChatTemplate template, IReadOnlyList<TextToSqlRow> rows, SqlEvaluationOptions? options = null,
        CancellationToken cancellationToken = default) =>
        WithPrompts(tokenizer, row => Prompt(tokenizer, template, rows[row]), rows, options ?? new(), cancellationToken);

    /// <summary>Prepares an evaluation with prompts of another form.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="prompt">Returns the ids of the prompt of a row, by its index.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="options">The options.</param>
    /// <param name="cancellationToken">Stops the check of the rows.</param>
    /// <exception cref="LapidaryException">No row can be scored, or an option is out of range.</exception>
    public static SqlEvaluation WithPrompts(
        Tokenizer tokenizer, Func<int, int[]> prompt, IReadOnlyList<TextToSqlRow> rows, SqlEvaluationOptions options,
        CancellationToken cancellationToken)
    {
        options.Validate();
        int[] drawn = Draw(rows.Count, options.MaxRows, options.Seed);
        var scorer = new SqlScorer(options.Scorer);
        TextToSqlRow[] chosen = [.. drawn.Select(row => rows[row])];
        var references = scorer.ScoreAll(chosen, [.. chosen.Select(row => row.Sql)], progress: null, cancellationToken);
        int[] scored = [.. Enumerable.Range(0, drawn.Length).Where(i => references[i].IsScored)];
        if (scored.Length == 0) throw NothingToScore(references);
        return new SqlEvaluation(
            tokenizer, [.. scored.Select(i => prompt(drawn[i]))], [.. scored.Select(i => chosen[i])], options, scorer, drawn.Length);
    }

    /// <summary>The model's answers, with its adapter if one is attached.</summary>
    /// <param name="model">The model.</param>
    /// <param name="progress">Receives the number of answers.</param>
    /// <param name="cancellationToken">Ends the answers.</param>
    /// <returns>An answer for each of <see cref="Rows"/>; null for a prompt that does not fit into the model's context.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="LapidaryException">Memory is insufficient, or the logits are not finite.</exception>
    public IReadOnlyList<string?> Answer(
        GemmaModel model, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        using var engine = new GenerationEngine(model) { ReservedLength = Math.Min(TextLength, model.Config.MaxPositionEmbeddings) };
        return Answer(engine, first: 0, step: 1, progress, cancellationToken) ?? throw new OperationCanceledException(cancellationToken);
    }

    /// <summary>Asks the model and scores its answers.</summary>
    /// <param name="model">The model, with its adapter if one is attached.</param>
    /// <param name="progress">Receives the number of answers, then of scores.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>A score for each of <see cref="Rows"/>; <see cref="SqlAccuracy.Of"/> counts them.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    /// <exception cref="LapidaryException">Memory is insufficient, or the logits are not finite.</exception>
    public IReadOnlyList<SqlScore> Run(
        GemmaModel model, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default) =>
        _scorer.ScoreAll(
            _rows, Answer(model, progress, cancellationToken), progress is null ? null : progress.Report, cancellationToken);

    /// <inheritdoc/>
    public double? Measure(GenerationEngine engine, RankGroup ranks, CancellationToken cancellationToken)
    {
        int right = 0;
        bool isStopped;
        using (ranks.Busy("the answers of an evaluation"))
        {
            var answers = Answer(
                engine, ranks.Rank, ranks.WorldSize, ranks.IsLeader ? Progress : null, cancellationToken);
            isStopped = answers is null;
            if (answers is not null) (right, isStopped) = CountRight(answers, ranks, cancellationToken);
        }

        byte[] mine = new byte[1 + sizeof(int)];
        mine[0] = isStopped ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32LittleEndian(mine.AsSpan(1), right);
        IReadOnlyList<byte[]> all;
        using (ranks.Waiting("the answers of the other ranks")) all = ranks.Gather(mine);
        if (all.Any(rank => rank[0] != 0)) return null;
        return (double)all.Sum(rank => BinaryPrimitives.ReadInt32LittleEndian(rank.AsSpan(1))) / _rows.Length;
    }

    /// <summary>Asks the model of a caller's engine and scores its answers.</summary>
    /// <returns>The scores; null if it was cancelled amid the answers.</returns>
    internal IReadOnlyList<SqlScore>? Run(
        GenerationEngine engine, IProgress<WorkProgress>? progress, CancellationToken cancellationToken) =>
        Answer(engine, first: 0, step: 1, progress, cancellationToken) is { } answers
            ? _scorer.ScoreAll(_rows, answers, progress is null ? null : progress.Report, cancellationToken) : null;

    /// <summary>The first answers with their scores, to be shown to people.</summary>
    internal IReadOnlyList<EvaluationSample> SamplesOf(IReadOnlyList<SqlScore> scores) =>
        [.. _rows.Take(SampleCount).Zip(scores, (row, score) => SampleOf(row, score.Answer, score))];

    /// <summary>The model's stop tokens and rules, without sampling.</summary>
    internal static GenerationOptions GreedyOptions(GemmaModel model, Tokenizer tokenizer, int maxNewTokens)
    {
        var options = model.Folder.Length == 0
            ? new GenerationOptions { StopTokenIds = [.. model.Config.EosTokenIds.Union(Ends())] }
            : GenerationOptions.From(GenerationConfig.Load(model.Folder, model.Config), tokenizer);
        return options with { DoSample = false, MaxNewTokens = maxNewTokens };

        IEnumerable<int> Ends() => new[] { tokenizer.EosTokenId, tokenizer.EndOfTurnTokenId }.OfType<int>();
    }

    /// <summary>Indices of the rows that are drawn, in ascending order; all of them if there are no more.</summary>
    internal static int[] Draw(int rows, int most, long seed)
    {
        int[] order = [.. Enumerable.Range(0, rows)];
        if (most == 0 || most >= rows) return order;
        new StableRandom((ulong)seed).Shuffle(order.AsSpan());
        return [.. order[..most].Order()];
    }

    /// <summary>Answers to every <paramref name="step"/>-th row; the others stay null. Null if it was cancelled.</summary>
    private string?[]? Answer(
        GenerationEngine engine, int first, int step, IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        var config = engine.Model.Config;
        int[]?[] prompts = [.. _prompts.Select(prompt => ContextRoom.After(config, prompt.Length) > 0 ? prompt : null)];
        var answers = new string?[_rows.Length];
        int end = new PromptAnswers(engine, prompts, GreedyOptions(engine.Model, _tokenizer, _options.MaxNewTokens), _tokenizer, stops: [])
            .Run(first, _rows.Length, step, Take, cancellationToken);
        return end < _rows.Length ? null : answers;

        void Take(int row, IReadOnlyList<PromptAnswer?> some)
        {
            for (int i = 0; i < some.Count; i++) answers[row + (i * step)] = some[i]?.Text;
            progress?.Report(new("answering", row + ((some.Count - 1) * step) + 1, _rows.Length, "questions"));
        }
    }

    private (int Right, bool IsStopped) CountRight(string?[] answers, RankGroup ranks, CancellationToken cancellationToken)
    {
        int[] mine = [.. Enumerable.Range(0, _rows.Length).Where(row => row % ranks.WorldSize == ranks.Rank)];
        try
        {
            var scores = _scorer.ScoreAll(
                [.. mine.Select(row => _rows[row])], [.. mine.Select(row => answers[row])], progress: null, cancellationToken);
            if (ranks.IsLeader) Samples = [.. mine.Take(SampleCount).Select((row, i) => SampleOf(_rows[row], answers[row], scores[i]))];
            return (scores.Count(score => score.IsRight), false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return (0, true);
        }
    }

    private static EvaluationSample SampleOf(TextToSqlRow row, string? answer, SqlScore score) =>
        new(row.SqlPrompt.Length > 0 ? row.SqlPrompt : row.SqlContext, row.Sql, answer, score.IsRight);

    private static int[] Prompt(Tokenizer tokenizer, ChatTemplate template, TextToSqlRow row)
    {
        var columns = new Dictionary<string, object?> { ["sql_prompt"] = row.SqlPrompt, ["sql_context"] = row.SqlContext };
        return template.Encode(
            tokenizer, RowTemplate.TextToSql.Format(columns, withAnswer: false), addGenerationPrompt: true, variables: null);
    }

    private static LapidaryException NothingToScore(IReadOnlyList<SqlScore> references)
    {
        if (references.Count == 0) return new LapidaryException($"{MetricName}: expected at least one row, found none.");
        string why = references[0].Why is { } reason ? $" (the first: {Printable.Line(reason)})" : "";
        return new LapidaryException(
            $"{MetricName}: expected a row whose reference query has a result, found none among {references.Count}{why}; check the columns "
            + "sql_context and sql.");
    }
}
