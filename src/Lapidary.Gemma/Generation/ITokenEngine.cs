namespace Lapidary.Gemma.Generation;

/// <summary>Continues texts as tokens, for many callers at once. The engine decides whether they take turns or share steps.</summary>
internal interface ITokenEngine : IDisposable
{
    /// <summary>Continues a prompt until a stop token, the limit, or the caller stops it.</summary>
    /// <param name="promptIds">At least one id.</param>
    /// <param name="options">Limits and sampling.</param>
    /// <param name="onToken">Receives each new id in order and returns whether to continue. It must be fast, because other texts wait for
    /// it.</param>
    /// <param name="cancellationToken">Ends the text, or the wait for its turn; its resources are free within a step.</param>
    /// <returns>Number of prompt tokens that needed no computation, because they were computed for an earlier text.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    Task<int> GenerateAsync(
        IReadOnlyList<int> promptIds, GenerationOptions options, Func<int, bool> onToken, CancellationToken cancellationToken);
}
