using System.Runtime.CompilerServices;

namespace Lapidary.Engine.Nf4;

/// <summary>NF4 codes back to numbers. The 16 values of a block are scaled and rounded once, then looked up by nibble.</summary>
internal static unsafe class Nf4Decoder
{
    /// <summary>Elements of a call at most: a multiple of every legal block size.</summary>
    public const int MaxElements = 4096;

    /// <summary>Decodes <paramref name="count"/> elements from <paramref name="first"/>, the first of a block.</summary>
    public static void Decode(Tensor weight, Nf4Blocks blocks, long first, int count, Tensor output)
    {
        byte* packed = (byte*)weight.Address + first / 2;
        int blockSize = 1 << blocks.Shift;
        Span<float> absmax = stackalloc float[(count + blockSize - 1) >> blocks.Shift];
        for (int i = 0; i < absmax.Length; i++) absmax[i] = blocks.Scale((nint)(first >> blocks.Shift) + i);
        switch (output.DType)
        {
            case DType.Float32:
                Decode<float, RoundToSingle>(packed, count, blockSize, absmax, (float*)output.Address + first);
                break;
            case DType.BFloat16:
                Decode<ushort, RoundToBFloat16>(packed, count, blockSize, absmax, (ushort*)output.Address + first);
                break;
            default:
                Decode<Half, RoundToHalf>(packed, count, blockSize, absmax, (Half*)output.Address + first);
                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Decode<T, TRound>(byte* packed, int count, int blockSize, ReadOnlySpan<float> absmax, T* output)
        where T : unmanaged where TRound : IRound<T>
    {
        T* table = stackalloc T[16];
        for (int start = 0; start < count; start += blockSize)
        {
            float scale = absmax[start / blockSize];
            for (int code = 0; code < 16; code++) table[code] = TRound.Round(Nf4Code.Values[code] * scale);
            int end = Math.Min(start + blockSize, count);
            int i = start;
            for (; i < end - 1; i += 2)
            {
                int pair = packed[i / 2];
                output[i] = table[pair >> 4];
                output[i + 1] = table[pair & 15];
            }

            if (i < end) output[i] = table[packed[i / 2] >> 4];
        }
    }

    private interface IRound<T>
    {
        static abstract T Round(float x);
    }

    private readonly struct RoundToSingle : IRound<float>
    {
        public static float Round(float x) => x;
    }

    private readonly struct RoundToBFloat16 : IRound<ushort>
    {
        public static ushort Round(float x) => BFloat16.FromSingle(x);
    }

    private readonly struct RoundToHalf : IRound<Half>
    {
        public static Half Round(float x) => (Half)x;
    }
}
