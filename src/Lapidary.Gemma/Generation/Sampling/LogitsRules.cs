using System.Runtime.InteropServices;
using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Gemma.Generation.Sampling;

/// <summary>Changes logits before a token is chosen, in the order of transformers: repetition_penalty, no_repeat_ngram_size,
/// suppress_tokens, begin_suppress_tokens.</summary>
internal sealed class LogitsRules
{
    private readonly GenerationOptions _options;
    private readonly List<int> _ids;
    private readonly HashSet<int> _seen;
    private readonly HashSet<int> _suppressed = [];
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
            foreach (int id in _seen)
            {
                if (id < logits.Length) logits[id] = new LogitEdit(0, id, _options.RepetitionPenalty).Of(logits[id]);
            }
        }

        FindSuppressed(logits.Length);
        foreach (int id in _suppressed) logits[id] = float.NegativeInfinity;
        if (logits.IndexOfAnyExcept(float.NegativeInfinity) < 0) throw NoToken();
    }

    /// <summary>Adds what <see cref="Apply"/> does to edits, unless they are too many.</summary>
    /// <param name="row">The row of logits.</param>
    /// <param name="vocabulary">Its length.</param>
    /// <param name="most">Most edits.</param>
    /// <param name="edits">Receives them.</param>
    /// <returns>Whether they are there.</returns>
    public bool TryAdd(int row, int vocabulary, int most, List<LogitEdit> edits)
    {
        int before = edits.Count;
        FindSuppressed(vocabulary);
        foreach (int id in _suppressed) edits.Add(new LogitEdit(row, id, 0));
        if (_options.RepetitionPenalty != 1)
        {
            foreach (int id in _seen)
                if (id < vocabulary && !_suppressed.Contains(id)) edits.Add(new LogitEdit(row, id, _options.RepetitionPenalty));
        }

        if (edits.Count - before <= most) return true;
        edits.RemoveRange(before, edits.Count - before);
        return false;
    }

    /// <summary>A token that was chosen from edited logits: a suppressed one only if there is no other.</summary>
    /// <exception cref="LapidaryException">There is no other.</exception>
    public int Checked(int id) => _suppressed.Contains(id) ? throw NoToken() : id;

    /// <summary>Records the chosen token.</summary>
    public void Add(int id)
    {
        _ids.Add(id);
        _seen.Add(id);
    }

    private void FindSuppressed(int vocabulary)
    {
        _suppressed.Clear();
        if (_options.NoRepeatNgramSize > 0) SuppressRepeated(_options.NoRepeatNgramSize);
        _suppressed.UnionWith(_options.SuppressTokens);
        if (_ids.Count == _promptLength) _suppressed.UnionWith(_options.BeginSuppressTokens);
        _suppressed.RemoveWhere(id => (uint)id >= (uint)vocabulary);
    }

    // The tokens that followed the last size - 1 ids earlier in the text.
    private void SuppressRepeated(int size)
    {
        var ids = CollectionsMarshal.AsSpan(_ids);
        if (ids.Length < size) return;
        var last = ids[^(size - 1)..];
        for (int start = 0; start + size <= ids.Length; start++)
        {
            if (ids.Slice(start, size - 1).SequenceEqual(last)) _suppressed.Add(ids[start + size - 1]);
        }
    }

    private static LapidaryException NoToken() => new("Generation: SuppressTokens and NoRepeatNgramSize leave no token; relax them.");
}
