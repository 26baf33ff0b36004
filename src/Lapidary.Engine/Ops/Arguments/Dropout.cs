namespace Lapidary.Engine;

/// <summary>Dropout by a counter-based hash. A mask needs no memory, is the same on every device and with any number of threads, and can be
/// recomputed in the backward step.</summary>
/// <remarks>An element's index is its token's place among all tokens of the optimizer step, times the tokens' width, plus its column. So
/// the same elements are dropped, regardless of how the step's tokens are divided into runs and ranks.</remarks>
/// <param name="Probability">p, the share of elements set to zero, in [0, 1).</param>
/// <param name="Seed">Int64 [2], written for each run: the step's seed, and the place of the run's first token among the tokens of the
/// step.</param>
/// <param name="Stream">Distinguishes the layers of a model.</param>
public sealed record Dropout(float Probability, Tensor Seed, int Stream)
{
    /// <summary>Elements are kept where <see cref="Hash"/> is at least this: p · 2³².</summary>
    public uint Threshold => (uint)(Probability * 4294967296.0);

    /// <summary>The key of one layer in one step.</summary>
    public static uint Key(long seed, int stream) => Mix((uint)seed ^ Mix((uint)(seed >> 32) ^ Mix((uint)stream + 0x9E3779B9u)));

    /// <summary>Index of a token's first element.</summary>
    /// <param name="token">Its place among the tokens of the step.</param>
    /// <param name="dim">Elements of a token.</param>
    public static uint Index(long token, int dim) => unchecked((uint)token * (uint)dim);

    /// <summary>32 well-mixed bits for the element at an index (its low 32 bits; steps of more elements repeat the mask).</summary>
    public static uint Hash(uint key, uint index) => Mix(index ^ key);

    /// <summary>A bijective mixer of 32 bits: the "lowbias32" constants of C. Wellons' hash prospector.</summary>
    private static uint Mix(uint x)
    {
        x = (x ^ (x >> 16)) * 0x7FEB352Du;
        x = (x ^ (x >> 15)) * 0x846CA68Bu;
        return x ^ (x >> 16);
    }
}
