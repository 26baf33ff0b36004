using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Generation.Forms;

namespace Lapidary.Gemma.Generation.Sampling;

/// <summary>Chooses the next token from logits: after <see cref="LogitsRules"/>, the largest logit, or a sample after temperature, top-k,
/// top-p and min-p in that order, like transformers' logits warpers.</summary>
/// <param name="options">The options.</param>
/// <param name="prompt">The ids before the first token, which some rules use.</param>
internal sealed class Sampler(GenerationOptions options, IReadOnlyList<int> prompt)
{
    private readonly LogitsRules? _rules = LogitsRules.AreIn(options) ? new LogitsRules(options, prompt) : null;
    private StableRandom _random = new(options.Seed, stream: 0);
    private int[] _order = [];
    private float[] _keys = [];

    /// <summary>The id of the chosen token.</summary>
    /// <param name="logits">[vocabulary]; the rules change it in place.</param>
    /// <param name="text">Allows the tokens of a form; null for all.</param>
    /// <exception cref="LapidaryException">A logit is not finite, or no token is left.</exception>
    public int Next(Span<float> logits, FormedText? text = null)
    {
        RequireFinite(logits);
        _rules?.Apply(logits);
        text?.Mask(logits);
        int id = options.DoSample ? Draw(logits) : Largest(logits);
        _rules?.Add(id);
        return id;
    }

    /// <summary>Whether the choice needs all logits, not only the index of the largest.</summary>
    public static bool NeedsLogits(GenerationOptions options) => options.DoSample || LogitsRules.AreIn(options);

    private static void RequireFinite(ReadOnlySpan<float> logits)
    {
        for (int i = 0; i < logits.Length; i++)
        {
            if (!float.IsFinite(logits[i]))
                throw new LapidaryException($"The logit of token {i} is {logits[i]}: a weight is not finite, or the model overflows.");
        }
    }

    /// <summary>Index of the largest value, the first of equal values.</summary>
    public static int Largest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best]) best = i;
        }

        return best;
    }

    private int Draw(ReadOnlySpan<float> logits)
    {
        int count = Sort(logits);
        double top = logits[_order[0]], total = 0;
        for (int i = 0; i < count; i++) total += Weight(logits, i, top);

        // top_p: the shortest head whose probability reaches p; at least one token.
        double kept = 0;
        int head = 0;
        while (head < count && (head == 0 || (kept < options.TopP * total && Weight(logits, head, top) >= options.MinP)))
            kept += Weight(logits, head++, top);

        double target = _random.NextDouble() * kept;
        for (int i = 0; i < head - 1; i++)
        {
            target -= Weight(logits, i, top);
            if (target < 0) return _order[i];
        }

        return _order[head - 1];
    }

    private double Weight(ReadOnlySpan<float> logits, int rank, double top) => Math.Exp((logits[_order[rank]] - top) / options.Temperature);

    /// <summary>Fills _order with the possible ids by falling logit (the smaller id first among equals) and returns how many pass
    /// top-k.</summary>
    private int Sort(ReadOnlySpan<float> logits)
    {
        if (_order.Length != logits.Length) (_order, _keys) = (new int[logits.Length], new float[logits.Length]);
        int possible = 0;
        for (int i = 0; i < logits.Length; i++)
        {
            if (logits[i] > float.NegativeInfinity) (_order[possible], _keys[possible++]) = (i, -logits[i]);
        }

        int count = options.TopK > 0 ? Math.Min(options.TopK, possible) : possible;
        if (count < possible) count = SelectSmallest(count, possible);
        Array.Sort(_keys, _order, 0, count, ByKey);
        return count;
    }

    private static readonly Comparer<float> ByKey = Comparer<float>.Default;

    /// <summary>Moves all entries not above the count-th smallest key to the front; ties at the limit are kept, as torch.topk's threshold
    /// does.</summary>
    private int SelectSmallest(int count, int possible)
    {
        var heap = new PriorityQueue<float, float>(count);
        foreach (float key in _keys.AsSpan(0, possible))
        {
            if (heap.Count < count) heap.Enqueue(key, -key);
            else if (key < heap.Peek()) heap.EnqueueDequeue(key, -key);
        }

        float limit = heap.Peek();
        int kept = 0;
        for (int i = 0; i < possible; i++)
        {
            if (_keys[i] > limit) continue;
            (_keys[kept], _keys[i]) = (_keys[i], _keys[kept]);
            (_order[kept], _order[i]) = (_order[i], _order[kept]);
            kept++;
        }

        return kept;
    }
}
