using System.Threading.Channels;
using Microsoft.Extensions.AI;

namespace Lapidary.Gemma.Generation;

/// <summary>One answer during its generation: tokens become pieces of text, which wait for their reader. The engine never waits for a
/// reader. There are at most as many pieces as tokens, so a slow reader only costs a little memory.</summary>
/// <param name="engine">The engine that generates the tokens.</param>
/// <param name="tokenizer">Of the model.</param>
/// <param name="request">The request.</param>
/// <param name="prompt">The conversation as tokens.</param>
/// <param name="options">Limits and sampling.</param>
internal sealed class ChatAnswer(
    GenerationEngine engine, Tokenizer tokenizer, ChatRequest request, int[] prompt, GenerationOptions options)
{
    private readonly Channel<string> _pieces =
        Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private readonly AnswerText _text = new(tokenizer, request.StopSequences);
    private int _tokens;

    /// <summary>The text in pieces. It ends with the answer, however that ends.</summary>
    public IAsyncEnumerable<string> Pieces => _pieces.Reader.ReadAllAsync(CancellationToken.None);

    /// <summary>Generates the answer; called once.</summary>
    /// <param name="modelId">The model's name.</param>
    /// <param name="id">Of the answer.</param>
    /// <param name="cancellationToken">Ends the answer within a step.</param>
    /// <returns>The usage, and the reason for the end.</returns>
    public async Task<(UsageDetails Usage, ChatFinishReason Reason)> RunAsync(
        string modelId, string id, CancellationToken cancellationToken)
    {
        using var telemetry = ChatTelemetry.Start(modelId, id, options);
        try
        {
            var text = await engine.GenerateAsync(prompt, options, Append, cancellationToken).ConfigureAwait(false);
            Write(_text.Finish()); // may find a stop text
            var reason = text.FinishReason == FinishReason.Length && !_text.IsStopped ? ChatFinishReason.Length : ChatFinishReason.Stop;
            telemetry.Complete(prompt.Length, text.CachedTokens, reason.Value);
            return (Usage(text.CachedTokens), reason);
        }
        catch (Exception e)
        {
            telemetry.Fail(e);
            throw;
        }
        finally
        {
            _pieces.Writer.Complete();
        }

        bool Append(int token)
        {
            _tokens++;
            telemetry.OnToken();
            Write(_text.Append(token));
            return !_text.IsStopped;
        }
    }

    private void Write(string piece)
    {
        if (piece.Length > 0) _pieces.Writer.TryWrite(piece);
    }

    private UsageDetails Usage(int cached) => new()
    {
        InputTokenCount = prompt.Length,
        CachedInputTokenCount = cached,
        OutputTokenCount = _tokens,
        TotalTokenCount = prompt.Length + _tokens,
    };
}
