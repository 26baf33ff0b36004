using Lapidary.Formats;
using Lapidary.Gemma.Text;
using Lapidary.Server.Answers;
using Lapidary.Server.Http;
using Lapidary.Server.Monitoring;
using Lapidary.Server.Replies;
using Lapidary.Server.Requests;
using Microsoft.AspNetCore.Http;

namespace Lapidary.Server.Endpoints;

/// <summary>/v1/chat/completions and /v1/completions: from a request to its reply, whole or in pieces.</summary>
internal static class Completions
{
    private const int MaxTopLogProbs = 20;

    /// <summary>A connection that is cut loses what the system has not sent yet.</summary>
    private static readonly TimeSpan ErrorPatience = TimeSpan.FromSeconds(0.25);

    /// <summary>Answers a conversation.</summary>
    public static async Task ChatAsync(HttpContext context, ServerState state, Caller caller)
    {
        using var body = await RequestBody.ReadAsync(context.Request).ConfigureAwait(false);
        var fields = new RequestFields(body.RootElement);
        var model = state.ModelOf(fields);
        var request = GenerationRequest.Read(fields, model.Defaults, model.Tokenizer, NewSeed);
        int? top = fields.Integer("top_logprobs", 0, MaxTopLogProbs);
        if (fields.Flag("logprobs")) request = request with { TopLogProbs = top ?? 0 };
        else if (top > 0) throw ApiException.Wrong("top_logprobs", "expected only with logprobs true.");
        var conversation = Conversation.Read(fields);
        int[] prompt;
        try
        {
            prompt = WrittenTokens.EncodePrompt(model.Template, model.Tokenizer, conversation.Turns);
        }
        catch (LapidaryException e)
        {
            throw e is ChatTemplateException refusal ? conversation.Refusal(refusal) : ApiException.Wrong("messages", e.Message);
        }

        await AnswerAsync(context, state, caller, model, request, [prompt], "messages", new ChatForm(model, state.Now))
            .ConfigureAwait(false);
    }

    /// <summary>Continues prompts.</summary>
    public static async Task TextAsync(HttpContext context, ServerState state, Caller caller)
    {
        using var body = await RequestBody.ReadAsync(context.Request).ConfigureAwait(false);
        var fields = new RequestFields(body.RootElement);
        var model = state.ModelOf(fields);
        var request = GenerationRequest.Read(fields, model.Defaults, model.Tokenizer, NewSeed);
        // Some clients send a chat's false.
        if (fields.Get("logprobs") is { ValueKind: not System.Text.Json.JsonValueKind.False })
            request = request with { TopLogProbs = fields.Integer("logprobs", 0, MaxTopLogProbs) };
        var prompts = TextPrompts.Read(fields, model.Tokenizer, model.Engine.Model.Config.VocabSize);
        if ((long)prompts.Count * request.Choices > GenerationRequest.MaxChoices)
        {
            throw ApiException.Wrong(
                "prompt", $"expected at most {GenerationRequest.MaxChoices} answers in all, found {prompts.Count} prompts with "
                + $"{request.Choices} each.");
        }

        await AnswerAsync(context, state, caller, model, request, prompts, "prompt", new TextForm(model, state.Now))
            .ConfigureAwait(false);
    }

    private static async Task AnswerAsync(
        HttpContext context, ServerState state, Caller caller, ServedModel model, GenerationRequest request,
        IReadOnlyList<int[]> prompts, string param, IReplyForm form)
    {
        foreach (int[] prompt in prompts)
        {
            if (prompt.Length == 0) throw ApiException.Wrong(param, "expected at least one token, found none.");
            if (prompt.Length < model.MaxLength) continue;
            throw ApiException.Wrong(
                param, $"has {prompt.Length} tokens, expected fewer than the limit of {model.MaxLength} tokens for prompt and answer; "
                + "shorten it.", "context_length_exceeded");
        }

        int count = prompts.Count * request.Choices;
        if (count > model.Engine.MaxTexts + (long)state.Options.MaxWaiting)
        {
            throw ApiException.Wrong(
                "n", $"expected at most {model.Engine.MaxTexts + (long)state.Options.MaxWaiting} answers in all on this server, found "
                + $"{count}.");
        }

        if (!model.TryEnter(count, state.Options.MaxWaiting, caller))
        {
            throw ApiException.Later(
                StatusCodes.Status429TooManyRequests, "rate_limit_error", "queue_full",
                $"{model.Id}: as many answers wait already as this server allows; try again soon.");
        }

        var times = new RequestTimes(state.Metrics.Of(model.Id), state.Time);
        await using var group = new AnswerGroup(model, request, prompts, times, caller, context.RequestAborted);
        try
        {
            if (request.IsStream) await StreamAsync(context, state, group, form, request).ConfigureAwait(false);
            else await form.SendAsync(context, group).ConfigureAwait(false);
            times.Completed(group.GeneratedTokens, group.Count);
        }
        finally
        {
            state.Metrics.Of(model.Id).Add(group.PromptTokens, group.CachedTokens, group.GeneratedTokens);
        }
    }

    /// <summary>The reply begins with the first piece. So an error before it is a plain error.</summary>
    private static async Task StreamAsync(
        HttpContext context, ServerState state, AnswerGroup group, IReplyForm form, GenerationRequest request)
    {
        var aborted = context.RequestAborted;
        await group.Pieces.WaitToReadAsync(aborted).ConfigureAwait(false);
        using var events = new EventStream(context.Response);
        events.Begin();
        form.Open(events, group.Count);
        try
        {
            do
            {
                while (group.Pieces.TryRead(out var piece)) form.Write(events, piece);
                await events.FlushAsync(aborted).ConfigureAwait(false);
            }
            while (await group.Pieces.WaitToReadAsync(aborted).ConfigureAwait(false));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Some clients see this event alone, others the end of the connection alone.
            events.Write(Reply.Of(Router.ErrorOf(context, e)), ServerJson.Default.ErrorReply);
            await events.FlushAsync(aborted).ConfigureAwait(false);
            await Task.Delay(ErrorPatience, state.Time, aborted).ConfigureAwait(false);
            throw;
        }

        if (request.IncludeUsage) form.WriteUsage(events, UsageOf(group));
        events.End();
        group.Leave();
        await events.FlushAsync(aborted).ConfigureAwait(false);
    }

    /// <summary>The usage of a request.</summary>
    public static Usage UsageOf(AnswerGroup group) => new(
        group.PromptTokens, group.GeneratedTokens, group.PromptTokens + group.GeneratedTokens, new(group.CachedTokens));

    // Without a seed, the same question may get another answer, as callers of this API expect.
    private static long NewSeed()
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        System.Security.Cryptography.RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToInt64(bytes);
    }
}
