using Lapidary.Gemma;

namespace Lapidary.Training.Tests.Data;

/// <summary>The toy's tokens under a name, so that they are kept; counts what it is asked.</summary>
internal sealed class CountingEncoder(string? identity = "toy", string prefix = "") : ITextEncoder
{
    private readonly ToyEncoder _toy = new();
    private int _calls;

    public int Calls => _calls;

    public string? Identity => identity;

    public int BosTokenId => _toy.BosTokenId;
    public int EosTokenId => _toy.EosTokenId;
    public string EosToken => _toy.EosToken;
    public int? EndOfTurnTokenId => _toy.EndOfTurnTokenId;

    public int[] Encode(string text)
    {
        Interlocked.Increment(ref _calls);
        return _toy.Encode(prefix + text);
    }

    public int[] EncodeChat(
        IReadOnlyList<ChatTurn> messages, bool addGenerationPrompt, IReadOnlyDictionary<string, object?>? variables = null)
    {
        Interlocked.Increment(ref _calls);
        return _toy.EncodeChat(messages, addGenerationPrompt, variables);
    }

    public (int[] Ids, bool[] TrainedMask) EncodeChatWithMask(
        IReadOnlyList<ChatTurn> messages, bool assistantOnly, IReadOnlyDictionary<string, object?>? variables = null)
    {
        Interlocked.Increment(ref _calls);
        return _toy.EncodeChatWithMask(messages, assistantOnly, variables);
    }

    public string TokenText(int id) => _toy.TokenText(id);
}
