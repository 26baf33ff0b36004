using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Forms;

/// <summary>A text that is held to a form while its tokens are chosen. A token is allowed if its bytes are; stop tokens are allowed where
/// the text may end; other control tokens never are.</summary>
/// <param name="form">The form.</param>
/// <param name="stops">Ids that end the text.</param>
internal sealed class FormedText(TokenForm form, IReadOnlyCollection<int> stops)
{
    private readonly TokenBytes _tokens = TokenBytes.Of(form.Tokenizer);
    private ITextForm _rest = form.Form;
    private ITextForm? _masked;
    private ulong[] _allowed = []; // a bit for each id

    /// <summary>Whether a token may come next.</summary>
    public bool Allows(int id) => stops.Contains(id) ? _rest.MayEnd : After(id) is not null;

    /// <summary>Gives −∞ to the logits of all tokens that may not come next.</summary>
    /// <exception cref="LapidaryException">No token is left.</exception>
    public void Mask(Span<float> logits)
    {
        if (!ReferenceEquals(_masked, _rest) || _allowed.Length * 64 < logits.Length) FindAllowed(logits.Length);
        bool any = false;
        for (int word = 0; word * 64 < logits.Length; word++)
        {
            var part = logits.Slice(word * 64, Math.Min(64, logits.Length - (word * 64)));
            ulong allowed = _allowed[word];
            if (allowed == 0)
            {
                part.Fill(float.NegativeInfinity);
                continue;
            }

            for (int i = 0; i < part.Length; i++)
            {
                if (((allowed >> i) & 1) == 0) part[i] = float.NegativeInfinity;
                else any |= part[i] > float.NegativeInfinity;
            }
        }

        if (!any)
        {
            throw new LapidaryException(
                "Form: no token of the model continues the answer in its form; relax the form, SuppressTokens or NoRepeatNgramSize.");
        }
    }

    /// <summary>Adds a chosen token, which is not a stop token.</summary>
    public void Add(int id) => _rest = After(id) ?? throw new InvalidOperationException($"Token {id} is not allowed here.");

    private ITextForm? After(int id)
    {
        var bytes = _tokens[id];
        ITextForm? rest = bytes.IsEmpty ? null : _rest;
        for (int i = 0; i < bytes.Length && rest is not null; i++) rest = rest.After(bytes[i]);
        return rest;
    }

    private void FindAllowed(int vocabulary)
    {
        _allowed = new ulong[(vocabulary + 63) / 64];
        _tokens.FindAllowed(_rest, _allowed);
        foreach (int stop in stops)
        {
            if ((uint)stop >= (uint)vocabulary) continue;
            ulong bit = 1UL << stop;
            _allowed[stop / 64] = _rest.MayEnd ? _allowed[stop / 64] | bit : _allowed[stop / 64] & ~bit;
        }

        _masked = _rest;
    }
}
