namespace Lapidary.Engine;

/// <summary>Conversions between binary32 and bfloat16 bits (.NET 10 has no bfloat16 type).</summary>
public static class BFloat16
{
    /// <summary>Rounds to the nearest bfloat16, ties to even; NaN stays NaN.</summary>
    public static ushort FromSingle(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Widens exactly.</summary>
    public static float ToSingle(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>The binary32 value nearest to <paramref name="value"/> that bfloat16 can hold.</summary>
    public static float Round(float value) => ToSingle(FromSingle(value));
}
