using System.Text;
using Lapidary.Cli.Models;
using Lapidary.Formats;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation;

namespace Lapidary.Cli.Generation;

/// <summary>Answers rows of a data set, many at a time, and passes the answers on in the order of the rows.</summary>
/// <param name="engine">Generates the answers.</param>
/// <param name="questions">All rows of the data set.</param>
/// <param name="chosen">Sampling and length, with the run's seed.</param>
/// <param name="stops">Texts that end an answer.</param>
/// <param name="text">The tokenizer, or null for ids alone.</param>
/// <param name="progress">Counts the tokens.</param>
internal sealed class RowAnswers(
    GenerationEngine engine, IReadOnlyList<RowQuestion> questions, GenerationOptions chosen, IReadOnlyList<string> stops,
    TextTools? text, RowProgress progress)
{
    /// <summary>Rows that are under way or wait for an earlier one, as a multiple of those that are answered at a time: a long answer at
    /// the front must not leave the others idle.</summary>
    private const int BatchesAhead = 8;

    /// <summary>Answers every <paramref name="step"/>-th row.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="last">The end of the rows, not included.</param>
    /// <param name="step">The distance between the rows.</param>
    /// <param name="write">Receives the next lines in order.</param>
    /// <param name="stop">Ends the rows that are under way; they have no answer.</param>
    /// <returns>The first row without an answer; <paramref name="last"/> or more if there is none.</returns>
    /// <exception cref="LapidaryException">Memory is insufficient, or the logits are not finite.</exception>
    public int Run(int first, int last, int step, Action<IReadOnlyList<byte[]>> write, CancellationToken stop)
    {
        var underWay = new Queue<Task<byte[]>>();
        int next = first, written = first;
        while (written < last)
        {
            for (; next < last && underWay.Count < BatchesAhead * engine.MaxTexts; next += step) underWay.Enqueue(AnswerAsync(next, stop));
            var lines = new List<byte[]>();
            try
            {
                lines.Add(underWay.Dequeue().GetAwaiter().GetResult());
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return written;
            }

            while (underWay.TryPeek(out var ready) && ready.IsCompletedSuccessfully) lines.Add(underWay.Dequeue().Result);
            write(lines);
            written += lines.Count * step;
        }

        return written;
    }

    private async Task<byte[]> AnswerAsync(int row, CancellationToken cancellationToken)
    {
        var question = questions[row];
        if (question.PromptIds is not { } prompt) return new Answer(null, null, null, question.Error).Line(question);
        var answer = text is null ? null : new AnswerText(text.Tokenizer, stops);
        var output = new StringBuilder();
        var options = chosen with { Seed = SeedOf(chosen.Seed, row) };
        var made = await engine.GenerateAsync(prompt, options, Add, cancellationToken).ConfigureAwait(false);
        output.Append(answer?.Finish());
        progress.Count(made.Ids.Count);
        string reason = made.FinishReason == FinishReason.Length ? "length" : "stop";
        return new Answer(made.Ids, output.ToString(), reason, null).Line(question);

        bool Add(int id)
        {
            output.Append(answer?.Append(id));
            return answer is not { IsStopped: true };
        }
    }

    /// <summary>A row's samples depend on its position in the data set, not on its rank or its neighbours.</summary>
    private static long SeedOf(long seed, int row) => unchecked(seed + row * 0x5851F42D4C957F2DL);
}
