using Lapidary.Gemma.Text.BytePairs;

namespace Lapidary.Gemma;

/// <summary>Decodes tokens one at a time, as generation makes them. The parts joined are exactly what <see cref="Tokenizer.Decode"/> gives
/// for all ids: text appears when it is certain, so a run of byte tokens is held back until it ends, and no character is ever
/// split.</summary>
/// <remarks>Not thread-safe; make one per sequence with <see cref="Tokenizer.NewStream"/>.</remarks>
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

    /// <summary>Adds a token and returns the text that has become complete, often empty.</summary>
    public string Append(int id)
    {
        _tokenizer.AddPiece(_decoder, id, _skipSpecialTokens);
        return _decoder.Take(end: false);
    }

    /// <summary>Ends the sequence and returns the text of bytes still held back.</summary>
    public string Finish() => _decoder.Take(end: true);
}
