using Lapidary.Gemma.Lifetime;

namespace Lapidary.Gemma.Generation.Batching;

/// <summary>A text that somebody waits for.</summary>
/// <param name="text">The text.</param>
/// <param name="onToken">Receives each token and returns whether to continue; may be null.</param>
/// <param name="caller">Whose it is; "" for no one's in particular.</param>
/// <param name="cancellationToken">Ends it.</param>
internal sealed class EngineRequest(
    RunningText text, Func<ChosenToken, bool>? onToken, string caller, CancellationToken cancellationToken)
{
    private readonly List<int> _ids = [];
    private readonly TaskCompletionSource<GeneratedText> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The text.</summary>
    public RunningText Text => text;

    /// <summary>Whose it is.</summary>
    public string Caller => caller;

    /// <summary>Prompt tokens that needed no computation, once it has begun.</summary>
    public int Cached { get; set; }

    /// <summary>Ends with the text.</summary>
    public Task<GeneratedText> Done => _done.Task;

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _done.Task.IsCompleted;

    /// <summary>Ends it if it was cancelled.</summary>
    /// <returns>Whether it has ended.</returns>
    public bool EndIfCancelled()
    {
        if (cancellationToken.IsCancellationRequested) _done.TrySetCanceled(cancellationToken);
        return HasEnded;
    }

    /// <summary>Ends it with an error.</summary>
    public void Fail(Exception error) => _done.TrySetException(error);

    /// <summary>Passes a token on.</summary>
    /// <param name="id">The token; null at the end of the text.</param>
    public void Add(int? id)
    {
        var reason = FinishReason.Stop;
        if (id is { } token)
        {
            _ids.Add(token);
            if (onToken is null || TokenCallback.Invoke(onToken, new ChosenToken(token, text.LastLogProbs), text.Model.Model.Backend))
            {
                if (!text.IsFull) return;
                reason = FinishReason.Length;
            }
        }

        _done.TrySetResult(new GeneratedText(_ids, reason, Cached));
    }
}
