using Lapidary.Engine;

namespace Lapidary.TextToSql.Synthesis.Domains;

/// <summary>Random choices that depend on a seed and a stream only, the same on every machine.</summary>
internal sealed class Dice(long seed, long stream)
{
    private StableRandom _random = new(seed, stream);

    /// <summary>A number from 0 up to, and without, a bound.</summary>
    public int Below(int bound) => _random.Below(bound);

    /// <summary>A number from a to b, both possible.</summary>
    public int Between(int a, int b) => a + _random.Below(b - a + 1);

    /// <summary>True in so many of a hundred cases.</summary>
    public bool Chance(int percent) => _random.Below(100) < percent;

    /// <summary>One of some things.</summary>
    public T Pick<T>(params IReadOnlyList<T> things) => things[_random.Below(things.Count)];

    /// <summary>The things in random order.</summary>
    public T[] Shuffled<T>(IEnumerable<T> things)
    {
        T[] all = [.. things];
        _random.Shuffle(all.AsSpan());
        return all;
    }
}
