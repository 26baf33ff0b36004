namespace Lapidary.Gemma.Generation.Batching;

/// <summary>A slot of the cache: which prompt tokens of which model it holds, so that a later text of that model that begins with the same
/// tokens can use them.</summary>
/// <param name="index">Of the slot.</param>
internal sealed class TextSlot(int index)
{
    private StepModel? _model;
    private IReadOnlyList<int> _prompt = [];
    private int _prompted;
    private int _length;
    private int _stored;

    /// <summary>Of the slot.</summary>
    public int Index { get; } = index;

    /// <summary>Number of tokens at the start of a text's prompt that need no computation in this slot.</summary>
    /// <remarks>The last token of a prompt is always computed, because the first logits come from it. Tokens that were generated are not
    /// used, because decoding rounds otherwise than a step over prompts: a text would depend on the one before it. Nor are those of another
    /// model, whose adapter gives other keys.</remarks>
    public int Cached(RunningText text, CachedSteps steps)
    {
        if (!ReferenceEquals(_model, text.Model)) return 0;
        var prompt = text.Prompt;
        int most = Math.Min(_prompted, prompt.Count - 1), length = 0;
        while (length < most && _prompt[length] == prompt[length]) length++;
        return steps.CanContinue(length, _stored) ? length : 0;
    }

    /// <summary>Begins a text, of which the first <paramref name="cached"/> tokens are in the slot.</summary>
    public void Begin(RunningText text, int cached)
    {
        (_model, _prompt, _prompted, _length) = (text.Model, text.Prompt, cached, cached);
        if (cached == 0) _stored = 0;
    }

    /// <summary>Notes that a step stores tokens of the prompt.</summary>
    public void AddPrompted(int tokens)
    {
        _prompted += tokens;
        Add(tokens);
    }

    /// <summary>Notes that a step stores the last token of the text.</summary>
    public void AddDecoded() => Add(1);

    /// <summary>Notes that the next step stores guessed tokens after the last one. Those that are wrong are overwritten before a token sees
    /// them, but what they have overwritten is lost.</summary>
    public void AddGuesses(int tokens) => _stored = Math.Max(_stored, _length + 1 + tokens);

    /// <summary>A text that kept a beginning may be shorter than the one before it, whose end stays in the slot.</summary>
    private void Add(int tokens)
    {
        _length += tokens;
        _stored = Math.Max(_stored, _length);
    }
}
