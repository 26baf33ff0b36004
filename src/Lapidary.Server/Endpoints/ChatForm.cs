using Lapidary.Server.Answers;
using Lapidary.Server.Http;
using Lapidary.Server.Replies;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Endpoints;

/// <summary>Replies of /v1/chat/completions.</summary>
/// <param name="model">The model.</param>
/// <param name="created">Seconds since 1970.</param>
internal sealed class ChatForm(ServedModel model, long created) : IReplyForm
{
    private const string Assistant = "assistant";

    private readonly string _id = "chatcmpl-" + Guid.NewGuid().ToString("N");

    public async Task SendAsync(HttpContext context, AnswerGroup group)
    {
        var answers = await WholeAnswer.ReadAsync(group, context.RequestAborted).ConfigureAwait(false);
        var choices = answers.Select((answer, i) => new ChatChoice(
            i, new(Assistant, answer.Text), answer.Tokens is { } tokens ? LogProbReplies.Chat(model.Tokenizer, tokens) : null,
            answer.FinishReason));
        var reply = new ChatCompletion(_id, "chat.completion", created, model.Id, [.. choices], Completions.UsageOf(group));
        await Reply.SendAsync(context, StatusCodes.Status200OK, reply, ServerJson.Default.ChatCompletion).ConfigureAwait(false);
    }

    public void Open(EventStream events, int answers)
    {
        for (int i = 0; i < answers; i++) Write(events, new ChunkChoice(i, new(Assistant, ""), null, null));
    }

    public void Write(EventStream events, AnswerPiece piece)
    {
        var logProbs = piece.Tokens is { Count: > 0 } tokens ? LogProbReplies.Chat(model.Tokenizer, tokens) : null;
        if (piece.Text.Length > 0 || logProbs is not null)
            Write(events, new ChunkChoice(piece.Choice, new(Content: piece.Text), logProbs, null));
        if (piece.FinishReason is not null) Write(events, new ChunkChoice(piece.Choice, new(), null, piece.FinishReason));
    }

    public void WriteUsage(EventStream events, Usage usage) => Write(events, [], usage);

    private void Write(EventStream events, ChunkChoice choice) => Write(events, [choice], null);

    private void Write(EventStream events, IReadOnlyList<ChunkChoice> choices, Usage? usage) => events.Write(
        new ChatChunk(_id, "chat.completion.chunk", created, model.Id, choices, usage), ServerJson.Default.ChatChunk);
}
