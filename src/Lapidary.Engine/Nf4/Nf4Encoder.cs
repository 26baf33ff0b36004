using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lapidary.Engine.Nf4;

/// <summary>Quantizes a piece of at most <see cref="MaxElements"/> elements that begins at a block: absolute maxima, codes, packed
/// nibbles.</summary>
/// <remarks>Semantics of bitsandbytes' CUDA kernel, bit by bit: per block r = 1 / absmax, once; x = w · r; the code is the number of
/// thresholds strictly below x. A block of zeros has r = ∞ and x = NaN, hence code 0. Missing elements of a last block count as
/// zeros.</remarks>
internal static unsafe class Nf4Encoder
{
    /// <summary>A multiple of every legal block size; two buffers of it fit the first-level cache.</summary>
    public const int MaxElements = 4096;

    private static readonly Vector<float>[] Thresholds = Broadcast();

    /// <summary>Quantizes elements <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/> of a weight.</summary>
    /// <param name="weight">fp32, bf16 or fp16.</param>
    /// <param name="first">A multiple of <paramref name="blockSize"/>, and even.</param>
    /// <param name="count">At most <see cref="MaxElements"/>; odd only at the end of the weight.</param>
    /// <param name="blockSize">Elements per scale.</param>
    /// <param name="absmax">Receives ⌈count / blockSize⌉ scales.</param>
    /// <param name="packed">Receives ⌈count / 2⌉ bytes, the even element in the high nibble.</param>
    [SkipLocalsInit]
    public static void Encode(Tensor weight, long first, int count, int blockSize, float* absmax, byte* packed)
    {
        float* x = stackalloc float[MaxElements];
        byte* codes = stackalloc byte[MaxElements];
        long elementBytes = weight.DType.LengthBytes(1);
        var source = new ReadOnlySpan<byte>((byte*)weight.Address + first * elementBytes, (int)(count * elementBytes));
        FloatConversion.ToSingle(source, weight.DType, new Span<float>(x, count));
        int blocks = (count + blockSize - 1) / blockSize;
        int padded = blocks * blockSize;
        new Span<float>(x + count, padded - count).Clear();
        for (int block = 0; block < blocks; block++) absmax[block] = Normalize(x + block * blockSize, blockSize);
        ToCodes(x, padded, Thresholds, codes);
        Pack(codes, padded);
        new ReadOnlySpan<byte>(codes, (count + 1) / 2).CopyTo(new Span<byte>(packed, (count + 1) / 2));
    }

    /// <summary>Divides a block by its absolute maximum, as bitsandbytes does, and returns it. Bits of magnitudes are compared, so that NaN
    /// counts as the largest and is found by the caller.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Normalize(float* x, int length)
    {
        var largest = Vector<int>.Zero;
        var magnitude = new Vector<int>(int.MaxValue);
        for (int i = 0; i < length; i += Vector<float>.Count)
        {
            var value = FlushToZero.Flush(Vector.Load(x + i));
            value.Store(x + i);
            largest = Vector.Max(largest, Vector.AsVectorInt32(value) & magnitude);
        }

        int bits = 0;
        for (int lane = 0; lane < Vector<int>.Count; lane++) bits = Math.Max(bits, largest[lane]);
        float absmax = BitConverter.Int32BitsToSingle(bits);
        var reciprocal = new Vector<float>(FlushToZero.Reciprocal(absmax));
        for (int i = 0; i < length; i += Vector<float>.Count) (Vector.Load(x + i) * reciprocal).Store(x + i);
        return absmax;
    }

    /// <summary>Counts thresholds; a comparison gives −1 where it holds. Four vectors a turn, which are one vector of bytes; the last turn
    /// may run past <paramref name="length"/>, for which the buffers have room.</summary>
    /// <remarks>The thresholds are a parameter, as a static field's initialization check here would keep the vectors out of
    /// registers.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ToCodes(float* x, int length, ReadOnlySpan<Vector<float>> thresholds, byte* codes)
    {
        int lanes = Vector<float>.Count;
        for (int i = 0; i < length; i += 4 * lanes)
        {
            Vector<float> x0 = Vector.Load(x + i), x1 = Vector.Load(x + i + lanes);
            Vector<float> x2 = Vector.Load(x + i + 2 * lanes), x3 = Vector.Load(x + i + 3 * lanes);
            Vector<int> count0 = default, count1 = default, count2 = default, count3 = default;
            foreach (var threshold in thresholds)
            {
                count0 += Vector.GreaterThan(x0, threshold);
                count1 += Vector.GreaterThan(x1, threshold);
                count2 += Vector.GreaterThan(x2, threshold);
                count3 += Vector.GreaterThan(x3, threshold);
            }

            var bytes = Vector.Narrow(Vector.Narrow(count0, count1), Vector.Narrow(count2, count3));
            Vector.AsVectorByte(-bytes).Store(codes + i);
        }
    }

    /// <summary>Packs pairs of codes in place, 32 codes to 16 bytes a turn: as a little-endian ushort a pair is c₀ + 256·c₁, and its byte
    /// is 16·c₀ + c₁.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack(byte* codes, int length)
    {
        for (int i = 0; i < length; i += 32)
        {
            var low = Vector128.Load((ushort*)(codes + i));
            var high = Vector128.Load((ushort*)(codes + i + 16));
            low = ((low << 4) | (low >> 8)) & Vector128.Create((ushort)0xFF);
            high = ((high << 4) | (high >> 8)) & Vector128.Create((ushort)0xFF);
            Vector128.Narrow(low, high).Store(codes + i / 2);
        }
    }

    private static Vector<float>[] Broadcast()
    {
        var vectors = new Vector<float>[Nf4Code.Thresholds.Length];
        for (int i = 0; i < vectors.Length; i++) vectors[i] = new Vector<float>(Nf4Code.Thresholds[i]);
        return vectors;
    }
}
