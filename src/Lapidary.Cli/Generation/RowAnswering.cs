using Lapidary.Cli.CommandLine;
using Lapidary.Cli.Models;
using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Forms;

namespace Lapidary.Cli.Generation;

/// <summary>Answers questions by a model, divided among the ranks, in their order.</summary>
/// <param name="run">The command.</param>
/// <param name="questions">All rows of the data set.</param>
/// <param name="chosen">Sampling and length, with the run's seed.</param>
/// <param name="stops">Texts that end an answer.</param>
/// <param name="batchSize">Most rows at a time on a device; 0 for the device's number.</param>
/// <param name="text">The tokenizer, or null for ids alone.</param>
internal sealed class RowAnswering(
    CommandRun run, IReadOnlyList<RowQuestion> questions, GenerationOptions chosen, IReadOnlyList<string> stops, int batchSize,
    TextTools? text)
{
    /// <summary>Rows that each of several ranks answers between two exchanges, as a multiple of the rows that it answers at a time: the
    /// last rows of an exchange leave the device partly idle.</summary>
    private const int BatchesPerExchange = 8;

    /// <summary>Answers one rank's share.</summary>
    /// <param name="model">The model, with its adapter if one is attached.</param>
    /// <param name="ranks">The ranks, all of which make the same call.</param>
    /// <param name="done">Rows answered before.</param>
    /// <param name="what">A word before the progress, or nothing.</param>
    /// <param name="isShown">Whether to show the progress.</param>
    /// <param name="save">Receives the next lines in order, on rank 0.</param>
    /// <returns>Number of rows answered by all ranks; fewer than all if it was interrupted.</returns>
    /// <exception cref="LapidaryException">Memory is insufficient, or the logits are not finite.</exception>
    public int Share(GemmaModel model, RankGroup ranks, int done, string what, bool isShown, Action<IReadOnlyList<byte[]>> save)
    {
        if (done == questions.Count) return done;
        int longest = questions.Skip(done).Max(question => question.PromptIds?.Length ?? 0);
        int texts = batchSize > 0 ? batchSize : model.Backend.EfficientTexts;
        using var engine = new GenerationEngine(model, Math.Min(texts, questions.Count - done))
        {
            ReservedLength = (int)Math.Min((long)longest + chosen.MaxNewTokens, model.Config.MaxPositionEmbeddings),
        };
        using var graceful = run.EndsGracefully();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(run.Interrupted, ranks.StopRequested);
        using var tell = run.Interrupted.Register(ranks.RequestStop);
        using var progress = new RowProgress(questions.Count, done, run.Terminal, what, ranks.WorldSize);
        var answers = new PromptAnswers(engine, [.. questions.Select(question => question.PromptIds)], chosen, text?.Tokenizer, stops)
        {
            OnAnswer = progress.Count,
            FormOf = questions.Any(question => question.Form is not null) ? FormOf : null,
        };
        var exchange = new AnswerExchange(ranks);
        int world = ranks.WorldSize, block = world == 1 ? questions.Count : BatchesPerExchange * engine.MaxTexts * world, saved = done;
        for (int first = done; first < questions.Count; first += block)
        {
            int last = Math.Min(first + block, questions.Count);
            if (world == 1)
            {
                int end = answers.Run(first, last, step: 1, (row, some) => Save([.. Lines(row, some, 1)]), stop.Token);
                if (end < last) return end;
                continue;
            }

            var mine = new List<byte[]>();
            answers.Run(first + ranks.Rank, last, world, (row, some) => mine.AddRange(Lines(row, some, world)), stop.Token);
            // Rows that a stop skipped or cut short are not saved.
            if (exchange.Gather(mine, stop.IsCancellationRequested) is not { } lines) return first;
            if (ranks.IsLeader) Save(lines);
        }

        return questions.Count;

        void Save(IReadOnlyList<byte[]> lines)
        {
            save(lines);
            saved += lines.Count;
            if (isShown) progress.Show(saved);
        }
    }

    private TokenForm? FormOf(int row) => questions[row].Form is { } form ? new TokenForm(form, text!.Tokenizer) : null;

    private IEnumerable<byte[]> Lines(int first, IReadOnlyList<PromptAnswer?> answers, int step) => answers.Select((made, i) =>
    {
        var question = questions[first + (i * step)];
        var answer = made is null
            ? new Answer(null, null, null, question.Error)
            : new Answer(made.Ids, made.Text, made.FinishReason == FinishReason.Length ? "length" : "stop", null);
        return answer.Line(question);
    });
}
