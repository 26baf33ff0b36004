using System.Text;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Server.Answers;

namespace Lapidary.Server.Endpoints;

/// <summary>The answers of a request, complete.</summary>
/// <param name="Text">Of an answer.</param>
/// <param name="Tokens">Its tokens, if their probabilities are wanted.</param>
/// <param name="FinishReason">Why it ended.</param>
internal sealed record WholeAnswer(string Text, IReadOnlyList<ChosenToken>? Tokens, string FinishReason)
{
    /// <summary>Waits for all answers, which then leave their places.</summary>
    public static async Task<WholeAnswer[]> ReadAsync(AnswerGroup group, CancellationToken aborted)
    {
        var texts = new StringBuilder[group.Count];
        var tokens = new List<ChosenToken>?[group.Count];
        var reasons = new string?[group.Count];
        for (int i = 0; i < group.Count; i++) texts[i] = new StringBuilder();
        await foreach (var piece in group.Pieces.ReadAllAsync(aborted).ConfigureAwait(false))
        {
            texts[piece.Choice].Append(piece.Text);
            if (piece.Tokens is { } some) (tokens[piece.Choice] ??= []).AddRange(some);
            reasons[piece.Choice] ??= piece.FinishReason;
        }

        group.Leave();
        return [.. texts.Select((text, i) => new WholeAnswer(text.ToString(), tokens[i], reasons[i]!))];
    }
}
