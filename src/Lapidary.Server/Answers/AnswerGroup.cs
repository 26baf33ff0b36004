using System.Threading.Channels;
using Lapidary.Gemma;
using Lapidary.Gemma.Generation;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Server.Http;
using Lapidary.Server.Monitoring;
using Lapidary.Server.Requests;

namespace Lapidary.Server.Answers;

/// <summary>The answers of a request while they are generated, in pieces for one reader. Their engine never waits for that reader: an
/// answer has at most as many pieces as tokens, so one who reads slowly costs a little memory, and no slot.</summary>
internal sealed class AnswerGroup : IAsyncDisposable
{
    private readonly Channel<AnswerPiece> _pieces =
        Channel.CreateUnbounded<AnswerPiece>(new UnboundedChannelOptions { SingleReader = true });

    private readonly ServedModel _model;
    private readonly GenerationRequest _request;
    private readonly RequestTimes _times;
    private readonly Caller _caller;
    private readonly CancellationTokenSource _ending;
    private readonly Task _all;
    private int _generated;
    private int _cached;
    private int _hasLeft;

    /// <summary>Starts the answers.</summary>
    /// <param name="model">The model, which the caller has entered for them; see <see cref="ServedModel.TryEnter"/>.</param>
    /// <param name="request">Limits and sampling.</param>
    /// <param name="prompts">Each gets <see cref="GenerationRequest.Choices"/> answers and is shorter than the model's most tokens.</param>
    /// <param name="times">Notes when tokens come.</param>
    /// <param name="caller">Whose they are.</param>
    /// <param name="aborted">Ends the answers within a step.</param>
    public AnswerGroup(
        ServedModel model, GenerationRequest request, IReadOnlyList<int[]> prompts, RequestTimes times, Caller caller,
        CancellationToken aborted)
    {
        (_model, _request, _times, _caller) = (model, request, times, caller);
        PromptTokens = prompts.Sum(prompt => prompt.Length);
        Count = prompts.Count * request.Choices;
        _ending = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        _all = CompleteAsync([.. Enumerable.Range(0, Count).Select(choice => RunAsync(choice, prompts[choice / request.Choices]))]);
    }

    /// <summary>Number of answers.</summary>
    public int Count { get; }

    /// <summary>Tokens of the prompts.</summary>
    public int PromptTokens { get; }

    /// <summary>Prompt tokens that needed no computation.</summary>
    public int CachedTokens => Math.Min(_cached, PromptTokens);

    /// <summary>Tokens of the answers.</summary>
    public int GeneratedTokens => _generated;

    /// <summary>The pieces. It ends with the answers, or with the error of the first that failed.</summary>
    public ChannelReader<AnswerPiece> Pieces => _pieces.Reader;

    /// <summary>Leaves the model's places to others. It comes before the end of a reply: whoever has read that may ask again at once, and
    /// must not find the own answer in the way.</summary>
    public void Leave()
    {
        if (Interlocked.Exchange(ref _hasLeft, 1) == 0) _model.Leave(Count, _caller);
    }

    /// <summary>Ends what still runs, waits for that, and leaves.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _ending.CancelAsync().ConfigureAwait(false);
            await _all.ConfigureAwait(false);
            _ending.Dispose();
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>The seed of an answer: the request's for the first, and one that depends on it for each further.</summary>
    private static long Seed(long seed, int choice) => unchecked(seed ^ (choice * (long)0x9E3779B97F4A7C15));

    private async Task CompleteAsync(Task[] running)
    {
        try
        {
            await Task.WhenAll(running).ConfigureAwait(false);
            _pieces.Writer.TryComplete();
        }
        catch (Exception e)
        {
            _pieces.Writer.TryComplete(e); // unless the one that failed first has done so
        }
    }

    private async Task RunAsync(int choice, int[] prompt)
    {
        try
        {
            await GenerateAsync(choice, prompt).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _pieces.Writer.TryComplete(e);
            await _ending.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task GenerateAsync(int choice, int[] prompt)
    {
        int number = choice % _request.Choices, room = _model.MaxLength - prompt.Length;
        var options = _request.Options with
        {
            MaxNewTokens = Math.Min(_request.MaxTokens ?? room, room),
            Seed = Seed(_request.Options.Seed, number),
        };
        var text = new AnswerText(_model.Tokenizer, _request.Stops);
        List<ChosenToken>? tokens = _request.TopLogProbs is null ? null : [];
        var generated = await _model.Engine.GenerateAsync(prompt, options, Append, _request.TopLogProbs, _caller.Name, _ending.Token)
            .ConfigureAwait(false);
        Interlocked.Add(ref _cached, number == 0 ? generated.CachedTokens : 0);
        string rest = text.Finish(); // may hold a stop text
        string reason = generated.FinishReason == FinishReason.Length && !text.IsStopped ? "length" : "stop";
        _times.Ended(reason);
        _pieces.Writer.TryWrite(new(choice, rest, tokens, reason));

        bool Append(ChosenToken token)
        {
            Interlocked.Increment(ref _generated);
            _times.Token();
            tokens?.Add(token);
            string piece = text.Append(token.Id);
            if (piece.Length > 0)
            {
                _pieces.Writer.TryWrite(new(choice, piece, tokens, null));
                if (tokens is not null) tokens = [];
            }

            return !text.IsStopped;
        }
    }
}
