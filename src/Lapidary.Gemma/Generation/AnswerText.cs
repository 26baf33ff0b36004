namespace Lapidary.Gemma.Generation;

/// <summary>A generated text in pieces, as its tokens come, up to a stop sequence.</summary>
/// <param name="tokenizer">Of the model.</param>
/// <param name="stops">Texts that end it; there may be none.</param>
internal sealed class AnswerText(Tokenizer tokenizer, IReadOnlyList<string> stops)
{
    private readonly TokenStream _stream = tokenizer.NewStream(skipSpecialTokens: true);
    private readonly StopSequences _stop = new(stops);

    /// <summary>Whether a stop sequence was found; no text follows it.</summary>
    public bool IsStopped => _stop.IsStopped;

    /// <summary>Adds a token and returns the text that is final.</summary>
    public string Append(int id) => _stop.Append(_stream.Append(id));

    /// <summary>Ends the text and returns what was held back.</summary>
    public string Finish() => IsStopped ? "" : _stop.Append(_stream.Finish()) + _stop.Finish();
}
