using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lapidary.Engine.Nf4;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>Decodes NF4: value = code book entry × scale of the block, rounded once to fp32.</summary>
/// <remarks>Blocks and pairs of codes run over the flat array, so a run of elements may start at an odd element in the middle of a
/// block.</remarks>
internal static unsafe class Nf4Reader
{
    /// <summary>Both values of each byte, for ends of runs and for machines without a permutation of fp32 by variable indices.</summary>
    private static readonly float[] Pairs = BuildPairs();

    private static readonly float[] Values = Nf4Code.Values.ToArray();

    /// <summary>Writes <paramref name="count"/> elements from the flat index <paramref name="first"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Read(VectorWidth width, byte* codes, in Nf4Blocks blocks, nint first, int count, float* to)
    {
        for (nint end = first + count; first < end;)
        {
            nint block = first >> blocks.Shift;
            nint blockEnd = Math.Min(end, (block + 1) << blocks.Shift);
            float scale = blocks.Scale(block);
            if ((first & 1) != 0) *to++ = Values[codes[first++ / 2] & 15] * scale;

            int whole = (int)(blockEnd - first) & ~1;
            DecodePairs(width, codes + first / 2, whole, scale, to);
            first += whole;
            to += whole;
            if (first < blockEnd) *to++ = Values[codes[first++ / 2] >> 4] * scale;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void DecodePairs(VectorWidth width, byte* codes, int count, float scale, float* to)
    {
        int i = 0;
        if (width == VectorWidth.Bits512 && Avx512F.IsSupported)
        {
            var values = Vector512.Create(Values);
            for (; i <= count - 16; i += 16) Vector512.Store(Decode16(codes + i / 2, values) * scale, to + i);
        }
        else if (width == VectorWidth.Bits256 && Avx2.IsSupported)
        {
            var (low, high) = (Vector256.Create(Values), Vector256.Create(Values, 8));
            for (; i <= count - 8; i += 8) Vector256.Store(Decode8(codes + i / 2, low, high) * scale, to + i);
        }

        ref float pairs = ref Pairs[0];
        for (; i < count; i += 2)
        {
            to[i] = Unsafe.Add(ref pairs, codes[i / 2] * 2) * scale;
            to[i + 1] = Unsafe.Add(ref pairs, codes[i / 2] * 2 + 1) * scale;
        }
    }

    /// <summary>8 bytes, each widened to two lanes; the permutation looks at the low 4 bits of a lane only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Decode16(byte* codes, Vector512<float> values)
    {
        var bytes = Vector128.CreateScalarUnsafe(*(ulong*)codes).AsByte();
        var lanes = Avx512F.ConvertToVector512UInt32(Sse2.UnpackLow(bytes, bytes));
        var indices = Avx512F.ShiftRightLogicalVariable(lanes, Vector512.Create(4ul).AsUInt32());
        return Avx512F.PermuteVar16x32(values, indices.AsInt32());
    }

    /// <summary>4 bytes in every lane, each lane shifted to its code; two half code books, chosen by bit 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Decode8(byte* codes, Vector256<float> low, Vector256<float> high)
    {
        var shifts = Vector256.Create(4u, 0, 12, 8, 20, 16, 28, 24);
        var indices = Avx2.ShiftRightLogicalVariable(Vector256.Create(*(uint*)codes), shifts).AsInt32();
        var upper = Avx2.PermuteVar8x32(high, indices);
        return Avx.BlendVariable(Avx2.PermuteVar8x32(low, indices), upper, (indices << 28).AsSingle());
    }

    private static float[] BuildPairs()
    {
        float[] pairs = new float[512];
        for (int code = 0; code < 256; code++)
        {
            pairs[2 * code] = Nf4Code.Values[code >> 4];
            pairs[2 * code + 1] = Nf4Code.Values[code & 15];
        }

        return pairs;
    }
}
