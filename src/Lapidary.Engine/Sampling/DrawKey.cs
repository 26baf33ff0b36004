namespace Lapidary.Engine.Sampling;

/// <summary>A token and its logit as one integer: a smaller one comes first, by falling logit, and by rising id among equals.</summary>
internal static class DrawKey
{
    private const uint Sign = 0x80000000;

    /// <summary>The key of a token.</summary>
    public static ulong Of(float logit, int id)
    {
        uint bits = BitConverter.SingleToUInt32Bits(logit + 0f); // −0 is 0
        uint rising = (bits & Sign) != 0 ? ~bits : bits | Sign;
        return ((ulong)~rising << 32) | (uint)id;
    }

    /// <summary>The token's id.</summary>
    public static int IdOf(ulong key) => (int)(uint)key;

    /// <summary>The token's logit.</summary>
    public static float LogitOf(ulong key)
    {
        uint rising = ~(uint)(key >> 32);
        return BitConverter.UInt32BitsToSingle((rising & Sign) != 0 ? rising & ~Sign : ~rising);
    }

    /// <summary>Whether two tokens have equal logits.</summary>
    public static bool AreTied(ulong first, ulong second) => (first >> 32) == (second >> 32);
}
