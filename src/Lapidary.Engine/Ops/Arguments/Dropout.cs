namespace Lapidary.Engine;

/// <summary>Dropout by a counter-based hash, so that a mask needs no memory, is the same on every device and thread count, and can be
/// formed again in the backward step.</summary>
/// <param name="Probability">p, the share of elements set to zero, in [0, 1).</param>
/// <param name="Seed">Int64 [1], data of the step.</param>
/// <param name="Stream">Tells the layers of a model apart.</param>
public sealed record Dropout(float Probability, Tensor Seed, int Stream)
{
    /// <summary>Elements are kept where <see cref="Hash"/> is at least this: p · 2³².</summary>
    public uint Threshold => (uint)(Probability * 4294967296.0);

    /// <summary>The key of one layer in one step.</summary>
    public static uint Key(long seed, int stream) => Mix((uint)seed ^ Mix((uint)(seed >> 32) ^ Mix((uint)stream + 0x9E3779B9u)));

    /// <summary>32 well-mixed bits for the element at a flat index (its low 32 bits; tensors of more elements repeat the mask).</summary>
    public static uint Hash(uint key, uint index) => Mix(index ^ key);

    /// <summary>A bijective mixer of 32 bits: the "lowbias32" constants of C. Wellons' hash prospector.</summary>
    private static uint Mix(uint x)
    {
        x = (x ^ (x >> 16)) * 0x7FEB352Du;
        x = (x ^ (x >> 15)) * 0x846CA68Bu;
        return x ^ (x >> 16);
    }
}
