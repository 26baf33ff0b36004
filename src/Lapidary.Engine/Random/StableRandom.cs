namespace Lapidary.Engine;

/// <summary>SplitMix64: a fixed stream of random numbers from a seed, the same on every machine and in every version, which
/// <see cref="Random"/> does not promise. Shuffles, splits, an adapter's first values and sampled text
/// depend on it, so it must never change.</summary>
/// <remarks>Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014; constants of Vigna's
/// splitmix64.</remarks>
public struct StableRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A separate stream for each use of one seed.</summary>
    public StableRandom(long seed, long stream) : this(Mix((ulong)seed) + (ulong)stream)
    {
    }

    /// <summary>The next 64 random bits.</summary>
    public ulong Next() => Mix(_state += 0x9E3779B97F4A7C15);

    /// <summary>Uniform in [0, 1), of 53 bits.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A number in [0, bound), each equally likely.</summary>
    /// <remarks>Source: Lemire, "Fast random integer generation in an interval", arXiv:1805.10941, with rejection.</remarks>
    public int Below(int bound)
    {
        ulong range = (ulong)bound;
        ulong threshold = (0 - range) % range;
        while (true)
        {
            ulong high = Math.BigMul(Next(), range, out ulong low);
            if (low >= threshold) return (int)high;
        }
    }

    /// <summary>Fisher–Yates from the end: for i = n − 1 … 1 swap i with <see cref="Below"/>(i + 1).</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = Below(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>SplitMix64's output function.</summary>
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
