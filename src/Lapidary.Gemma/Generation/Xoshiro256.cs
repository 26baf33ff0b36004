namespace Lapidary.Gemma;

/// <summary>A small generator of random numbers whose sequence never changes between versions or machines: xoshiro256** (Blackman and Vigna,
/// 2018), seeded through SplitMix64.</summary>
public sealed class Xoshiro256
{
    private readonly ulong[] _state = new ulong[4];

    /// <summary>Seeds the generator; equal seeds and streams give equal sequences.</summary>
    /// <param name="seed">The run's seed.</param> <param name="stream">Tells uses of one seed apart.</param>
    public Xoshiro256(long seed, long stream = 0)
    {
        ulong x = (ulong)seed ^ ((ulong)stream * 0xD1342543DE82EF95UL);
        for (int i = 0; i < 4; i++)
        {
            x += 0x9E3779B97F4A7C15UL;
            ulong z = x;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
            _state[i] = z ^ (z >> 31);
        }
    }

    /// <summary>64 random bits.</summary>
    public ulong NextBits()
    {
        ulong result = ulong.RotateLeft(_state[1] * 5, 7) * 9;
        ulong t = _state[1] << 17;
        _state[2] ^= _state[0];
        _state[3] ^= _state[1];
        _state[1] ^= _state[2];
        _state[0] ^= _state[3];
        _state[2] ^= t;
        _state[3] = ulong.RotateLeft(_state[3], 45);
        return result;
    }

    /// <summary>Uniform in [0, 1).</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [0, count), without bias.</summary>
    public int Next(int count)
    {
        ulong limit = ulong.MaxValue - (ulong.MaxValue % (ulong)count);
        ulong bits;
        do bits = NextBits();
        while (bits >= limit);
        return (int)(bits % (ulong)count);
    }
}
