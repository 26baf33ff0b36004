namespace Lapidary.Engine;

/// <summary>The code book of 4-bit NormalFloat: the values, sorted, that the codes 0 … 15 stand for before their block's scale.</summary>
/// <remarks>Source: arXiv:2305.14314, appendix E; the numbers are those of bitsandbytes, to the bit.</remarks>
public static class Nf4Code
{
    /// <summary>Value of each code; code 7 is zero, code 0 is −1 and code 15 is 1.</summary>
    public static ReadOnlySpan<float> Values =>
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f,
        -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
        0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
    ];
}
