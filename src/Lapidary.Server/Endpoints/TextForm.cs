using Lapidary.Server.Answers;
using Lapidary.Server.Http;
using Lapidary.Server.Replies;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Endpoints;

/// <summary>Replies of /v1/completions.</summary>
/// <param name="model">The model.</param>
/// <param name="created">Seconds since 1970.</param>
internal sealed class TextForm(ServedModel model, long created) : IReplyForm
{
    private const string Kind = "text_completion";

    private readonly string _id = "cmpl-" + Guid.NewGuid().ToString("N");
    private int[] _offsets = [];

    public async Task SendAsync(HttpContext context, AnswerGroup group)
    {
        var answers = await WholeAnswer.ReadAsync(group, context.RequestAborted).ConfigureAwait(false);
        var choices = answers.Select((answer, i) =>
        {
            int offset = 0;
            var logProbs = answer.Tokens is { } tokens ? LogProbReplies.Text(model.Tokenizer, tokens, ref offset) : null;
            return new TextChoice(i, answer.Text, logProbs, answer.FinishReason);
        });
        var reply = new TextCompletion(_id, Kind, created, model.Id, [.. choices], Completions.UsageOf(group));
        await Reply.SendAsync(context, StatusCodes.Status200OK, reply, ServerJson.Default.TextCompletion).ConfigureAwait(false);
    }

    public void Open(EventStream events, int answers) => _offsets = new int[answers];

    public void Write(EventStream events, AnswerPiece piece)
    {
        var logProbs = piece.Tokens is { Count: > 0 } tokens
            ? LogProbReplies.Text(model.Tokenizer, tokens, ref _offsets[piece.Choice]) : null;
        if (piece.Text.Length > 0 || piece.FinishReason is not null || logProbs is not null)
            Write(events, [new TextChoice(piece.Choice, piece.Text, logProbs, piece.FinishReason)], null);
    }

    public void WriteUsage(EventStream events, Usage usage) => Write(events, [], usage);

    private void Write(EventStream events, IReadOnlyList<TextChoice> choices, Usage? usage) =>
        events.Write(new TextCompletion(_id, Kind, created, model.Id, choices, usage), ServerJson.Default.TextCompletion);
}
