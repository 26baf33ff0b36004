namespace Lapidary.Server.Monitoring;

/// <summary>Counts values by size.</summary>
/// <param name="bounds">Upper bounds of the buckets, rising; a last one has no bound.</param>
internal sealed class Histogram(double[] bounds)
{
    private readonly Lock _lock = new();
    private readonly long[] _counts = new long[bounds.Length + 1];
    private double _sum;

    /// <summary>Adds a value.</summary>
    public void Add(double value)
    {
        int bucket = Array.BinarySearch(bounds, value);
        if (bucket < 0) bucket = ~bucket;
        lock (_lock)
        {
            _counts[bucket]++;
            _sum += value;
        }
    }

    /// <summary>The bounds with the number of values up to each, then the number and sum of all.</summary>
    public (IReadOnlyList<(double Bound, long Count)> Buckets, long Count, double Sum) Read()
    {
        lock (_lock)
        {
            var buckets = new (double, long)[bounds.Length];
            long total = 0;
            for (int i = 0; i < bounds.Length; i++) buckets[i] = (bounds[i], total += _counts[i]);
            return (buckets, total + _counts[^1], _sum);
        }
    }
}
