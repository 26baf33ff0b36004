using Lapidary.Gemma;
using Lapidary.TextToSql.Names;

namespace Lapidary.TextToSql.Asking;

/// <summary>A model that writes SQL.</summary>
internal interface ISqlWriter
{
    /// <summary>Most tokens of a conversation with its answer.</summary>
    int Context { get; }

    /// <summary>Number of tokens of a conversation, up to where the answer begins.</summary>
    int Count(IReadOnlyList<ChatTurn> turns);

    /// <summary>Writes an answer, the likeliest.</summary>
    /// <param name="turns">The conversation; the last turn is the user's.</param>
    /// <param name="form">The form that the answer must have; null for any text.</param>
    /// <param name="maxNewTokens">Most tokens of the answer.</param>
    /// <param name="onText">Receives each piece of it as soon as it is known.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    Task<WrittenText> WriteAsync(
        IReadOnlyList<ChatTurn> turns, SqlForm? form, int maxNewTokens, Action<string> onText, CancellationToken cancellationToken);
}

/// <summary>What a model wrote.</summary>
/// <param name="Text">All of it.</param>
/// <param name="IsCut">Whether it reached the most tokens.</param>
internal sealed record WrittenText(string Text, bool IsCut);
