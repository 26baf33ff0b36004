using Lapidary.Engine.Sampling;

namespace Lapidary.Engine;

/// <summary>Draws tokens from rows of logits in host memory: what <see cref="IOps.Draw"/> does, for rows of any kind. Instead of sorting a
/// row it sums weights by buckets of logits, and sorts the bucket in which the answer lies.</summary>
/// <remarks>Keeps memory between calls; one thread at a time.</remarks>
public sealed unsafe class TokenDrawer
{
    private readonly ulong[] _sums = new ulong[DrawWeights.Buckets];
    private ulong[] _keys = [];
    private int _count;

    /// <summary>Draws a token: among the logits that pass temperature, top_k, top_p and min_p, by falling logit and rising id, the first
    /// at which the sum of probabilities exceeds the random number's share of it.</summary>
    /// <param name="logits">[vocabulary], at most <see cref="TokenDraw.MaxLength"/>; −∞ is never drawn. Neither NaN nor +∞.</param>
    /// <param name="largest">The largest logit; finite.</param>
    /// <param name="draw">How; must <see cref="TokenDraw.Draws"/>.</param>
    /// <returns>Index of the token.</returns>
    public int Draw(ReadOnlySpan<float> logits, float largest, TokenDraw draw)
    {
        if (logits.Length > TokenDraw.MaxLength)
            throw new ArgumentException($"Expected at most {TokenDraw.MaxLength} logits, found {logits.Length}.", nameof(logits));
        if (!draw.Draws || !float.IsFinite(largest)) throw new ArgumentException("Nothing can be drawn.", nameof(draw));
        var weights = new DrawWeights(largest, draw);
        Array.Clear(_sums);
        float limit = draw.Limit(largest);
        return draw.TopK > 0 ? DrawOfTop(logits, weights, draw, limit) : DrawOfAll(logits, weights, draw, limit);
    }

    private int DrawOfTop(ReadOnlySpan<float> logits, DrawWeights weights, TokenDraw draw, float limit)
    {
        fixed (ulong* sums = _sums) DrawPasses.AddCounts(logits, weights, sums);
        var (bucket, before) = FirstReaching(Math.Min((ulong)draw.TopK, Total(_sums)));
        Collect(logits, weights, 0, bucket);
        var keys = _keys.AsSpan(0, _count);
        int count = Math.Min(keys.Length, draw.TopK);
        while (count < keys.Length && DrawKey.AreTied(keys[count], keys[count - 1])) count++;

        ulong total = 0, kept = 0;
        foreach (ulong key in keys[..count]) total += weights.Of(DrawKey.LogitOf(key));
        ulong needed = draw.Needed(total);
        for (int i = 0; i < count && (i == 0 || (kept < needed && DrawKey.LogitOf(keys[i]) >= limit)); i++)
            kept += weights.Of(DrawKey.LogitOf(keys[i]));
        return DrawKey.IdOf(Reaching(weights, 0, draw.Target(kept) + 1).Key);
    }

    private int DrawOfAll(ReadOnlySpan<float> logits, DrawWeights weights, TokenDraw draw, float limit)
    {
        // Without top_p nobody asks for the weight of what min_p excludes.
        float counted = draw.HasHead ? float.NegativeInfinity : limit;
        fixed (ulong* sums = _sums) DrawPasses.AddWeights(logits, weights, counted, sums);
        ulong kept = Total(_sums);
        if (draw.HasHead)
        {
            ulong needed = draw.Needed(kept);
            if (draw.HasLimit) kept = Above(logits, weights, limit);
            if (kept > needed) kept = Math.Min(kept, Find(logits, weights, needed).Sum);
        }

        return DrawKey.IdOf(Find(logits, weights, draw.Target(kept) + 1).Key);
    }

    /// <summary>The weight of the logits from a limit on. Those of smaller distance, in earlier buckets, are all above it.</summary>
    private ulong Above(ReadOnlySpan<float> logits, DrawWeights weights, float limit)
    {
        var y = weights.Distance(new System.Numerics.Vector<float>(limit));
        if (!(y[0] < DrawWeights.Beyond)) return Total(_sums);
        int bucket = DrawWeights.BucketOf(y)[0];
        ulong sum = Total(_sums.AsSpan(0, bucket));
        Collect(logits, weights, bucket, bucket);
        foreach (ulong key in _keys.AsSpan(0, _count))
        {
            if (DrawKey.LogitOf(key) >= limit) sum += weights.Of(DrawKey.LogitOf(key));
        }

        return sum;
    }

    /// <summary>The first token, by falling logit, at which the sum of weights reaches a number, and that sum.</summary>
    private (ulong Key, ulong Sum) Find(ReadOnlySpan<float> logits, DrawWeights weights, ulong needed)
    {
        var (bucket, before) = FirstReaching(needed);
        Collect(logits, weights, bucket, bucket);
        return Reaching(weights, before, needed);
    }

    private (ulong Key, ulong Sum) Reaching(DrawWeights weights, ulong before, ulong needed)
    {
        ulong sum = before;
        foreach (ulong key in _keys.AsSpan(0, _count))
        {
            sum += weights.Of(DrawKey.LogitOf(key));
            if (sum >= needed) return (key, sum);
        }

        throw new InvalidOperationException("The sums of the buckets are not those of their tokens.");
    }

    private (int Bucket, ulong Before) FirstReaching(ulong needed)
    {
        ulong before = 0;
        for (int bucket = 0; bucket < _sums.Length; bucket++)
        {
            if (before + _sums[bucket] >= needed) return (bucket, before);
            before += _sums[bucket];
        }

        throw new InvalidOperationException("The buckets do not reach their sum.");
    }

    private static ulong Total(ReadOnlySpan<ulong> sums)
    {
        ulong total = 0;
        foreach (ulong sum in sums) total += sum;
        return total;
    }

    private void Collect(ReadOnlySpan<float> logits, DrawWeights weights, int first, int last)
    {
        _count = DrawPasses.Collect(logits, weights, DrawWeights.EdgeOf(first), DrawWeights.EdgeOf(last + 1), ref _keys);
        _keys.AsSpan(0, _count).Sort();
    }
}
