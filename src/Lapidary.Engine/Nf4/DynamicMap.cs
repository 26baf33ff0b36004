using System.Runtime.CompilerServices;

namespace Lapidary.Engine;

/// <summary>The 8-bit code book of double quantization: bitsandbytes' signed dynamic map, seven decades of linearly spaced
/// values.</summary>
/// <remarks>Source: arXiv:1511.04561 and bitsandbytes' create_dynamic_map. For i = 0..6 the entries are ±10^(i − 6) times the midpoints of
/// 2^i equal parts of [0.1, 1], and 0 and 1 are added. The bits below are those PyTorch's linspace gives with FMA, and what bitsandbytes
/// stores in its files; a PyTorch built without FMA differs by an ulp or two in 42 entries, so readers use the map their file
/// holds.</remarks>
public static class DynamicMap
{
    private static readonly float[] Map = Mirror();
    private static readonly float[] Midpoints =
        [.. Enumerable.Range(0, 255).Select(i => (Map[i] + Map[i + 1]) * 0.5f), float.PositiveInfinity];

    /// <summary>The value each of the 256 codes stands for, ascending: −0.99296874 at 0, 0 at 127, 1 at 255.</summary>
    public static ReadOnlySpan<float> Values => Map;

    /// <summary>The bits of entries 128 to 254.</summary>
    private static ReadOnlySpan<uint> PositiveBits =>
    [
        0x3513A3B7, 0x365A1A94, 0x370205FF, 0x37B24206, 0x38378034, 0x388AEFB3, 0x38BA1F4B, 0x3923D70B, 0x398CE705, 0x39C7E283,
        0x3A016F01, 0x3A1EECC1, 0x3A3C6A80, 0x3A59E83E, 0x3A7765FF, 0x3AA7EF9D, 0x3AF1A9FC, 0x3B1DB22D, 0x3B428F5C, 0x3B676C8A,
        0x3B8624DD, 0x3B989374, 0x3BAB020D, 0x3BBD70A4, 0x3BCFDF3B, 0x3BE24DD3, 0x3BF4BC6A, 0x3C039581, 0x3C0CCCCD, 0x3C160418,
        0x3C1F3B64, 0x3C3AE148, 0x3C68F5C3, 0x3C8B851F, 0x3CA28F5D, 0x3CB9999A, 0x3CD0A3D7, 0x3CE7AE15, 0x3CFEB852, 0x3D0AE148,
        0x3D166667, 0x3D21EB85, 0x3D2D70A3, 0x3D38F5C3, 0x3D447AE1, 0x3D500000, 0x3D5B851F, 0x3D670A3D, 0x3D728F5D, 0x3D7E147B,
        0x3D84CCCD, 0x3D8A8F5D, 0x3D9051EB, 0x3D96147B, 0x3D9BD70A, 0x3DA1999A, 0x3DA75C2A, 0x3DAD1EB8, 0x3DB2E148, 0x3DB8A3D7,
        0x3DBE6667, 0x3DC428F7, 0x3DC9EB85, 0x3DDB3334, 0x3DF80000, 0x3E0A6666, 0x3E18CCCD, 0x3E273333, 0x3E35999A, 0x3E440000,
        0x3E526666, 0x3E60CCCD, 0x3E6F3333, 0x3E7D9999, 0x3E860000, 0x3E8D3334, 0x3E946666, 0x3E9B999A, 0x3EA2CCCC, 0x3EAA0000,
        0x3EB13333, 0x3EB86666, 0x3EBF999A, 0x3EC6CCCC, 0x3ECE0000, 0x3ED53333, 0x3EDC6666, 0x3EE3999A, 0x3EEACCCC, 0x3EF20000,
        0x3EF93332, 0x3F003333, 0x3F03CCCC, 0x3F076666, 0x3F0B0000, 0x3F0E999A, 0x3F123334, 0x3F15CCCD, 0x3F196666, 0x3F1D0000,
        0x3F20999A, 0x3F243334, 0x3F27CCCD, 0x3F2B6666, 0x3F2F0000, 0x3F32999A, 0x3F363334, 0x3F39CCCD, 0x3F3D6666, 0x3F410000,
        0x3F44999A, 0x3F483333, 0x3F4BCCCD, 0x3F4F6666, 0x3F530000, 0x3F56999A, 0x3F5A3333, 0x3F5DCCCD, 0x3F616666, 0x3F650000,
        0x3F68999A, 0x3F6C3333, 0x3F6FCCCD, 0x3F736666, 0x3F770000, 0x3F7A999A, 0x3F7E3333,
    ];

    /// <summary>The code whose value is nearest to <paramref name="x"/> by the fp32 midpoints; a tie goes to the even code, NaN to
    /// 0.</summary>
    internal static byte Nearest(float x)
    {
        // Branch-free, as the outcome of each comparison is a coin toss: counts the midpoints below x.
        ref float midpoint = ref Midpoints[0];
        int below = 0;
        for (int step = 128; step > 0; step >>= 1)
        {
            bool above = x > Unsafe.Add(ref midpoint, below + step - 1);
            below += Unsafe.BitCast<bool, byte>(above) * step;
        }

        return (byte)(x == Unsafe.Add(ref midpoint, below) ? below + (below & 1) : below);
    }

    private static float[] Mirror()
    {
        var map = new float[256];
        for (int k = 0; k < PositiveBits.Length; k++)
        {
            map[128 + k] = BitConverter.UInt32BitsToSingle(PositiveBits[k]);
            map[126 - k] = -map[128 + k];
        }

        map[255] = 1;
        return map;
    }
}
