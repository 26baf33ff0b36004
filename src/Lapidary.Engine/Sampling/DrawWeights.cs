using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Sampling;

/// <summary>A token's probability relative to the largest, as an integer: sums are then exact, in any order, on every device.
/// draw.cuh has the same arithmetic, to the bit.</summary>
/// <remarks>With y = (top − logit) · log₂ e / temperature, the weight is ⌊2⁴⁴ · 2⁻ʸ⌋, off by 10⁻⁷ of itself and 1. Tokens of weight 0
/// are never drawn; all of a vocabulary of 2¹⁸ together have a probability below 2⁻²⁶. Buckets are ranges of y, by its exponent and first
/// 8 bits: so they suit flat and steep rows.</remarks>
/// <param name="top">The largest logit.</param>
/// <param name="draw">The draw.</param>
internal readonly struct DrawWeights(float top, TokenDraw draw)
{
    /// <summary>Number of buckets: the first is [0, 2⁻¹⁰), the others halve an octave up to 2⁶ eight times.</summary>
    public const int Buckets = 4096;

    /// <summary>From this y on the weight is 0.</summary>
    public const float Beyond = 45;

    private const int BucketShift = 15;
    private const int FirstBucket = (127 - 10) << (23 - BucketShift);
    private const int ExtraBits = 20; // 24 bits of a float, and these
    private const float Rounding = 12582912; // 1.5 · 2²³: adding it rounds to the nearest integer

    private readonly Vector<float> _top = new(top);
    private readonly Vector<float> _scale = new(draw.Scale);
    private readonly Vector<float> _rest = new(draw.ScaleRest);

    /// <summary>y of logits; ∞ or NaN for −∞.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<float> Distance(Vector<float> logits) => Vector.Abs(_top - logits) * _scale; // −0 is 0

    /// <summary>The buckets of distances below <see cref="Beyond"/>; any bucket for others.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<int> BucketOf(Vector<float> y)
    {
        var bucket = Vector.ShiftRightLogical(Vector.AsVectorInt32(y), BucketShift) - new Vector<int>(FirstBucket);
        return Vector.Min(Vector.Max(bucket, Vector<int>.Zero), new Vector<int>(Buckets - 1));
    }

    /// <summary>The smallest distance of a bucket.</summary>
    public static float EdgeOf(int bucket) => bucket == 0 ? 0 : BitConverter.Int32BitsToSingle((bucket + FirstBucket) << BucketShift);

    /// <summary>Weights in two parts; see <see cref="Join"/>.</summary>
    /// <param name="logits">The logits.</param>
    /// <param name="y">Their distances.</param>
    /// <param name="halvings">An exponent, where y is below <see cref="Beyond"/>.</param>
    /// <returns>2²⁴ times a number from 0.7 to 1.5.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector<int> Split(Vector<float> logits, Vector<float> y, out Vector<int> halvings)
    {
        var distance = _top - logits;
        var rest = Vector.FusedMultiplyAdd(distance, _rest, Vector.FusedMultiplyAdd(distance, _scale, -y));
        var n = (y + new Vector<float>(Rounding)) - new Vector<float>(Rounding);
        var r = (n - y) - rest;

        // 2ʳ by its Taylor series: |r| ≤ ½, and the remainder is below 2⁻²⁷.
        var p = new Vector<float>(1.52527338e-05f);
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(0.000154035304f));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(0.00133335581f));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(0.00961812911f));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(0.0555041087f));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(0.240226507f));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(0.693147182f));
        p = Vector.FusedMultiplyAdd(p, r, Vector<float>.One);
        halvings = Vector.ConvertToInt32(n);
        return Vector.ConvertToInt32(p * new Vector<float>(1 << 24));
    }

    /// <summary>The weight of a logit whose distance is below <see cref="Beyond"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Join(int mantissa, int halvings) => ((ulong)(uint)mantissa << ExtraBits) >> halvings;

    /// <summary>The weight of any logit.</summary>
    public ulong Of(float logit)
    {
        var logits = new Vector<float>(logit);
        var y = Distance(logits);
        if (!(y[0] < Beyond)) return 0;
        var mantissa = Split(logits, y, out var halvings);
        return Join(mantissa[0], halvings[0]);
    }
}
