using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Sampling;

/// <summary>Changes logits before a token is chosen, in the order of transformers: repetition_penalty, no_repeat_ngram_size,
/// suppress_tokens, begin_suppress_tokens.</summary>
internal sealed class LogitsRules
{
    private readonly GenerationOptions _options;
    private readonly List<int> _ids;
    private readonly HashSet<int> _seen;
    private readonly int _promptLength;

    /// <param name="options">The rules.</param>
    /// <param name="prompt">Counts as text already written.</param>
    public LogitsRules(GenerationOptions options, IReadOnlyList<int> prompt)
    {
        (_options, _ids, _seen, _promptLength) = (options, [.. prompt], [.. prompt], prompt.Count);
    }

    /// <summary>Whether options contain any of the rules.</summary>
    public static bool AreIn(GenerationOptions options) =>
        options.RepetitionPenalty != 1 || options.NoRepeatNgramSize > 0 || options.SuppressTokens.Count > 0
        || options.BeginSuppressTokens.Count > 0;

    /// <summary>Applies the rules; a forbidden token gets −∞.</summary>
    public void Apply(Span<float> logits)
    {
        if (_options.RepetitionPenalty != 1)
        {
            float penalty = _options.RepetitionPenalty;
            foreach (int id in _seen)
            {
                if (id < logits.Length) logits[id] = logits[id] < 0 ? logits[id] * penalty : logits[id] / penalty;
            }
        }

        if (_options.NoRepeatNgramSize > 0) SuppressRepeated(logits, _options.NoRepeatNgramSize);
        Suppress(logits, _options.SuppressTokens);
        if (_ids.Count == _promptLength) Suppress(logits, _options.BeginSuppressTokens);
        if (logits.IndexOfAnyExcept(float.NegativeInfinity) < 0)
            throw new LapidaryException("Generation: SuppressTokens and NoRepeatNgramSize leave no token; relax them.");
    }

    /// <summary>Records the chosen token.</summary>
    public void Add(int id)
    {
        _ids.Add(id);
        _seen.Add(id);
    }

    // The tokens that followed the last size - 1 ids earlier in the text.
    private void SuppressRepeated(Span<float> logits, int size)
    {
        var ids = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_ids);
        if (ids.Length < size) return;
        var last = ids[^(size - 1)..];
        for (int start = 0; start + size <= ids.Length; start++)
        {
            int next = ids[start + size - 1];
            if (next < logits.Length && ids.Slice(start, size - 1).SequenceEqual(last)) logits[next] = float.NegativeInfinity;
        }
    }

    private static void Suppress(Span<float> logits, IReadOnlyCollection<int> ids)
    {
        foreach (int id in ids)
        {
            if (id < logits.Length) logits[id] = float.NegativeInfinity;
        }
    }
}
