using Lapidary.Gemma;
using Lapidary.Gemma.Generation.Batching;
using Lapidary.Server.Replies;

namespace Lapidary.Server.Answers;

/// <summary>Probabilities of tokens as replies say them.</summary>
internal static class LogProbReplies
{
    /// <summary>For chats.</summary>
    public static ChatLogProbs Chat(Tokenizer tokenizer, IReadOnlyList<ChosenToken> tokens) => new([.. tokens.Select(token =>
    {
        var (text, bytes) = Piece(tokenizer, token.Id);
        return new ChatLogProb(text, token.LogProbs!.Chosen, bytes, [.. token.LogProbs.Top.Select(top =>
        {
            var (likely, likelyBytes) = Piece(tokenizer, top.Id);
            return new ChatTopLogProb(likely, top.LogProb, likelyBytes);
        })]);
    })]);

    /// <summary>For texts.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="tokens">The tokens.</param>
    /// <param name="offset">Characters of the answer before them; then those with them.</param>
    public static TextLogProbs Text(Tokenizer tokenizer, IReadOnlyList<ChosenToken> tokens, ref int offset)
    {
        var names = new string[tokens.Count];
        var logProbs = new double[tokens.Count];
        var tops = new Dictionary<string, double>[tokens.Count];
        var offsets = new int[tokens.Count];
        for (int i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            names[i] = Name(tokenizer, token.Id);
            logProbs[i] = token.LogProbs!.Chosen;
            tops[i] = new(StringComparer.Ordinal);
            foreach (var (id, logProb) in token.LogProbs.Top) tops[i].TryAdd(Name(tokenizer, id), logProb);
            tops[i].TryAdd(names[i], logProbs[i]);
            offsets[i] = offset;
            offset += tokenizer.Piece(token.Id).Text.Length;
        }

        return new(names, logProbs, tops, offsets);
    }

    private static (string Text, IReadOnlyList<int> Bytes) Piece(Tokenizer tokenizer, int id)
    {
        var (text, bytes) = tokenizer.Piece(id);
        return (text, [.. bytes.Select(value => (int)value)]);
    }

    /// <summary>The text of a token; that of a part of a character as "bytes:\xE2", or else two of them would be one key.</summary>
    private static string Name(Tokenizer tokenizer, int id)
    {
        var (text, bytes) = tokenizer.Piece(id);
        return text == "\uFFFD" && bytes.Length == 1 ? $@"bytes:\x{bytes[0]:X2}" : text;
    }
}
