namespace Lapidary.Gemma.Generation;

/// <summary>Continues texts in tokens, for many callers at once. Whether they take turns or share steps is the engine's affair.</summary>
internal interface ITokenEngine : IDisposable
{
    /// <summary>Continues a prompt until a stop token, the limit, or the caller's word.</summary>
    /// <param name="promptIds">At least one id.</param>
    /// <param name="options">Limits and sampling.</param>
    /// <param name="onToken">Gets each new id in order and says whether to go on. It must be quick: other texts wait for it.</param>
    /// <param name="cancellationToken">Ends the text, and the wait for its turn; what it held is free within a step.</param>
    /// <returns>How many of the prompt's tokens needed no computation, as they were computed for an earlier text.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    Task<int> GenerateAsync(
        IReadOnlyList<int> promptIds, GenerationOptions options, Func<int, bool> onToken, CancellationToken cancellationToken);
}
