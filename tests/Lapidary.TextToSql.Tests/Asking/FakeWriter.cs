using Lapidary.Gemma;
using Lapidary.TextToSql.Asking;
using Lapidary.TextToSql.Names;

namespace Lapidary.TextToSql.Tests.Asking;

/// <summary>A model that writes given answers one after the other, in pieces, and keeps what it was asked. A token is a
/// character.</summary>
internal sealed class FakeWriter(params string[] answers) : ISqlWriter
{
    private int _next;

    public int Context { get; init; } = 1_000_000;

    /// <summary>The texts of the turns, of each time it was asked.</summary>
    public List<string[]> Asked { get; } = [];

    /// <summary>Whether the answer was held to a form, of each time.</summary>
    public List<bool> Held { get; } = [];

    public int Count(IReadOnlyList<ChatTurn> turns) => turns.Sum(turn => turn.Content!.Length);

    public Task<WrittenText> WriteAsync(
        IReadOnlyList<ChatTurn> turns, SqlForm? form, int maxNewTokens, Action<string> onText, CancellationToken cancellationToken)
    {
        Asked.Add([.. turns.Select(turn => turn.Content!)]);
        Held.Add(form is not null);
        string answer = answers[Math.Min(_next++, answers.Length - 1)];
        foreach (char[] piece in answer.Chunk(3)) onText(new string(piece));
        return Task.FromResult(new WrittenText(answer, IsCut: false));
    }
}
