using System.Text;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Forms;

namespace Lapidary.Gemma.Generation;

/// <summary>Answers prompts, many at a time, and passes the answers on in the order of the prompts.</summary>
/// <param name="engine">Generates the answers.</param>
/// <param name="prompts">Ids of each prompt; null for one that has no answer.</param>
/// <param name="options">Sampling and length; each prompt gets a separate seed.</param>
/// <param name="tokenizer">Makes text of ids; null for ids alone.</param>
/// <param name="stops">Texts that end an answer.</param>
internal sealed class PromptAnswers(
    GenerationEngine engine, IReadOnlyList<int[]?> prompts, GenerationOptions options, Tokenizer? tokenizer, IReadOnlyList<string> stops)
{
    /// <summary>Prompts that are under way or wait for an earlier one, as a multiple of those that are answered at a time: a long answer at
    /// the front must not leave the others idle.</summary>
    private const int BatchesAhead = 8;

    /// <summary>Receives the number of new tokens of each answer as it ends, on any thread.</summary>
    public Action<int>? OnAnswer { get; init; }

    /// <summary>The form of the answer to a prompt; null where any text is one.</summary>
    public Func<int, TokenForm?>? FormOf { get; init; }

    /// <summary>Answers every <paramref name="step"/>-th prompt.</summary>
    /// <param name="first">The first prompt.</param>
    /// <param name="last">The end of the prompts, not included.</param>
    /// <param name="step">The distance between the prompts.</param>
    /// <param name="take">Receives the index of a prompt and the answers to it and to those after it, in order; null for a prompt that has
    /// none.</param>
    /// <param name="stop">Ends the answers that are under way; they are not passed on.</param>
    /// <returns>The first prompt without an answer; <paramref name="last"/> or more if there is none.</returns>
    /// <exception cref="LapidaryException">Memory is insufficient, or the logits are not finite.</exception>
    public int Run(int first, int last, int step, Action<int, IReadOnlyList<PromptAnswer?>> take, CancellationToken stop)
    {
        var underWay = new Queue<Task<PromptAnswer?>>();
        int next = first, taken = first;
        while (taken < last)
        {
            for (; next < last && underWay.Count < BatchesAhead * engine.MaxTexts; next += step) underWay.Enqueue(AnswerAsync(next, stop));
            var answers = new List<PromptAnswer?>();
            try
            {
                answers.Add(underWay.Dequeue().GetAwaiter().GetResult());
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return taken;
            }

            while (underWay.TryPeek(out var ready) && ready.IsCompletedSuccessfully) answers.Add(underWay.Dequeue().Result);
            take(taken, answers);
            taken += answers.Count * step;
        }

        return taken;
    }

    private async Task<PromptAnswer?> AnswerAsync(int index, CancellationToken cancellationToken)
    {
        if (prompts[index] is not { } prompt) return null;
        var answer = tokenizer is null ? null : new AnswerText(tokenizer, stops);
        var text = new StringBuilder();
        var own = options with { Seed = SeedOf(options.Seed, index), Form = FormOf is null ? options.Form : FormOf(index) };
        var made = await engine.GenerateAsync(prompt, own, Add, cancellationToken).ConfigureAwait(false);
        text.Append(answer?.Finish());
        OnAnswer?.Invoke(made.Ids.Count);
        return new PromptAnswer(made.Ids, text.ToString(), made.FinishReason);

        bool Add(int id)
        {
            text.Append(answer?.Append(id));
            return answer is not { IsStopped: true };
        }
    }

    /// <summary>The samples of an answer depend on its prompt's index, not on its rank or its neighbours.</summary>
    private static long SeedOf(long seed, int index) => unchecked(seed + index * 0x5851F42D4C957F2DL);
}

/// <summary>The answer to a prompt.</summary>
/// <param name="Ids">New ids, without the stop token.</param>
/// <param name="Text">The new text; empty without a tokenizer.</param>
/// <param name="FinishReason">Why it ended.</param>
internal sealed record PromptAnswer(IReadOnlyList<int> Ids, string Text, FinishReason FinishReason);
