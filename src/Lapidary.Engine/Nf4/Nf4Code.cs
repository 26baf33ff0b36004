namespace Lapidary.Engine;

/// <summary>The code book of NF4: 16 quantiles of a normal distribution scaled to [−1, 1], with an exact zero.</summary>
/// <remarks>Source: arXiv:2305.14314, appendix E; the fp32 values are those of bitsandbytes.</remarks>
public static class Nf4Code
{
    private static readonly float[] Midpoints = Enumerable.Range(0, 15).Select(i => (Values[i] + Values[i + 1]) / 2).ToArray();

    /// <summary>The value each of the 16 codes stands for, ascending.</summary>
    public static ReadOnlySpan<float> Values =>
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
        -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
        0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
    ];

    /// <summary>The 15 midpoints of neighbouring values, rounded to fp32. The code of x in [−1, 1] is the number of thresholds that x is
    /// strictly above, so a tie goes to the lower code, and NaN to code 0.</summary>
    internal static ReadOnlySpan<float> Thresholds => Midpoints;
}
