namespace Lapidary.Engine.Tests;

/// <summary>The rules of NF4 and of double quantization written as plainly as can be: one number at a time, nearest by search.</summary>
internal static class Nf4Reference
{
    /// <summary>Codes, one to an element, and absolute maxima. Subnormal numbers count as zero.</summary>
    public static (byte[] Codes, float[] Absmax) Quantize(float[] weight, int blockSize)
    {
        byte[] codes = new byte[weight.Length];
        var absmax = new List<float>();
        for (int start = 0; start < weight.Length; start += blockSize)
        {
            int end = Math.Min(start + blockSize, weight.Length);
            float largest = 0;
            for (int i = start; i < end; i++) largest = Math.Max(largest, Math.Abs(Normal(weight[i])));
            absmax.Add(largest);
            float reciprocal = Normal(1 / largest);
            for (int i = start; i < end; i++) codes[i] = Code(Normal(weight[i]) * reciprocal);
        }

        return (codes, [.. absmax]);
    }

    /// <summary>Two codes to a byte, the even element high; a last odd one is followed by the code of zero.</summary>
    public static byte[] Pack(byte[] codes, float lastAbsmax)
    {
        byte padding = lastAbsmax == 0 ? (byte)0 : (byte)7;
        return [.. codes.Chunk(2).Select(pair => (byte)((pair[0] << 4) | (pair.Length == 2 ? pair[1] : padding)))];
    }

    /// <summary>Nearest entry of the dynamic map, a tie to the even code.</summary>
    public static byte NearestInMap(float x)
    {
        int code = 0;
        for (int i = 0; i < 255; i++)
        {
            float midpoint = (DynamicMap.Values[i] + DynamicMap.Values[i + 1]) * 0.5f;
            if (x > midpoint || (x == midpoint && i % 2 == 1)) code = i + 1;
        }

        return (byte)code;
    }

    private static float Normal(float x) => float.IsSubnormal(x) ? 0 : x;

    private static byte Code(float x)
    {
        byte code = 0;
        for (int i = 0; i < 15; i++)
        {
            if (x > (Nf4Code.Values[i] + Nf4Code.Values[i + 1]) / 2) code++;
        }

        return code;
    }
}
