using Lapidary.Gemma.Text.BytePairs;

namespace Lapidary.Gemma;

/// <summary>Decodes tokens one at a time during generation. The parts joined are exactly the result of <see cref="Tokenizer.Decode"/> for
/// all ids. Text appears only when it is final: a run of byte tokens is held back until it ends, and no character is ever split.</summary>
/// <remarks>Not thread-safe; create one per sequence with <see cref="Tokenizer.NewStream"/>.</remarks>
public sealed class TokenStream
{
    private readonly Tokenizer _tokenizer;
    private readonly PieceDecoder _decoder;
    private readonly bool _skipSpecialTokens;

    internal TokenStream(Tokenizer tokenizer, PieceDecoder decoder, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _decoder = decoder;
        _skipSpecialTokens = skipSpecialTokens;
    }

    /// <summary>Adds a token and returns the newly complete text, often empty.</summary>
    public string Append(int id)
    {
        _tokenizer.AddPiece(_decoder, id, _skipSpecialTokens);
        return _decoder.Take(end: false);
    }

    /// <summary>Ends the sequence and returns the text of the bytes still held back.</summary>
    public string Finish() => _decoder.Take(end: true);
}
