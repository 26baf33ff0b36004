using Lapidary.Engine;

namespace Lapidary.Training.Steps;

/// <summary>The order of sequences in each epoch: a permutation that depends only on seed and epoch, so training can resume anywhere in any
/// epoch without replaying earlier steps.</summary>
/// <remarks>Fisher–Yates over SplitMix64 seeded with mix(seed) + epoch; fixed for all versions.</remarks>
/// <param name="count">Sequences.</param>
/// <param name="seed">The run's seed.</param>
/// <param name="shuffle">False keeps 0 … count − 1.</param>
internal sealed class EpochOrder(int count, long seed, bool shuffle = true)
{
    private readonly int[] _order = new int[count];
    private int _epoch = -1;

    /// <summary>Sequences of an epoch.</summary>
    public int Count => count;

    /// <summary>The numbers of an epoch's sequences in order; valid until another epoch is requested.</summary>
    /// <param name="epoch">0-based.</param>
    public ReadOnlySpan<int> Rows(int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        if (epoch == _epoch) return _order;
        for (int i = 0; i < _order.Length; i++) _order[i] = i;
        if (shuffle) new StableRandom(seed, epoch).Shuffle(_order.AsSpan());
        _epoch = epoch;
        return _order;
    }
}
