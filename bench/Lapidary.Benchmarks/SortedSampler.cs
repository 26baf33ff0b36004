using Lapidary.Engine;
using Lapidary.Gemma;

namespace Lapidary.Benchmarks;

/// <summary>A sampler that sorts the row, as most do, for comparison: a heap for top_k, then Array.Sort with a comparer, and Math.Exp of
/// each candidate.</summary>
internal sealed class SortedSampler(GenerationOptions options)
{
    private static readonly Comparer<float> ByKey = Comparer<float>.Default;

    private StableRandom _random = new(options.Seed, stream: 0);
    private int[] _order = [];
    private float[] _keys = [];

    public int Next(ReadOnlySpan<float> logits)
    {
        foreach (float logit in logits)
            if (!float.IsFinite(logit)) throw new InvalidOperationException("not finite");
        int count = Sort(logits);
        double top = logits[_order[0]], total = 0;
        for (int i = 0; i < count; i++) total += Weight(logits, i, top);
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

    private int Sort(ReadOnlySpan<float> logits)
    {
        if (_order.Length != logits.Length) (_order, _keys) = (new int[logits.Length], new float[logits.Length]);
        for (int i = 0; i < logits.Length; i++) (_order[i], _keys[i]) = (i, -logits[i]);
        int count = options.TopK > 0 ? Math.Min(options.TopK, logits.Length) : logits.Length;
        if (count < logits.Length) count = SelectSmallest(count);
        Array.Sort(_keys, _order, 0, count, ByKey);
        return count;
    }

    private int SelectSmallest(int count)
    {
        var heap = new PriorityQueue<float, float>(count);
        foreach (float key in _keys)
        {
            if (heap.Count < count) heap.Enqueue(key, -key);
            else if (key < heap.Peek()) heap.EnqueueDequeue(key, -key);
        }

        float limit = heap.Peek();
        int kept = 0;
        for (int i = 0; i < _keys.Length; i++)
        {
            if (_keys[i] > limit) continue;
            (_keys[kept], _keys[i]) = (_keys[i], _keys[kept]);
            (_order[kept], _order[i]) = (_order[i], _order[kept]);
            kept++;
        }

        return kept;
    }
}
