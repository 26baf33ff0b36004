namespace Lapidary.Engine.Nf4;

/// <summary>Double quantization: fp32 scales to 8-bit codes; <see cref="Nf4Blocks"/> is the way back.</summary>
/// <remarks>Source: arXiv:2305.14314, section 3, and bitsandbytes' blockwise 8-bit kernel: d = absmax − offset; per 256 of them s = max |d|
/// and r = 1 / s; the code is the entry of <see cref="DynamicMap"/> nearest to d · r. A block of zeros gives NaN, hence code 0.</remarks>
internal static class NestedScales
{
    /// <summary>The mean that bitsandbytes subtracts, summed in fp64 and in order, rounded to fp32.</summary>
    public static float Mean(ReadOnlySpan<float> absmax)
    {
        double sum = 0;
        foreach (float scale in absmax) sum += scale;
        return (float)(sum / absmax.Length);
    }

    /// <summary>Quantizes one block of at most 256 scales, and returns s.</summary>
    public static float Quantize(ReadOnlySpan<float> absmax, float offset, Span<byte> codes)
    {
        float largest = 0;
        foreach (float scale in absmax) largest = Math.Max(largest, Math.Abs(FlushToZero.Flush(scale - offset)));
        float reciprocal = FlushToZero.Reciprocal(largest);
        for (int i = 0; i < absmax.Length; i++) codes[i] = DynamicMap.Nearest(FlushToZero.Flush(absmax[i] - offset) * reciprocal);
        return largest;
    }
}
