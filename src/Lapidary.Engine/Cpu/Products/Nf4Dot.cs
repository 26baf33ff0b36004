using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lapidary.Engine.Nf4;

namespace Lapidary.Engine.Cpu.Products;

/// <summary>Dot products of an NF4 row with an fp32 vector by AVX-512, without storing decoded numbers.</summary>
/// <remarks>64 bytes hold 128 codes, 8 to a 32-bit lane. Shifting all lanes by 4·j brings one code of each lane to the low 4 bits, which
/// are all that the permutation of the code book looks at; x is brought into that order once per product. A block of at least 32 elements
/// fills whole lanes, so one vector of scales serves the 128 products.</remarks>
internal static unsafe class Nf4Dot
{
    private const int Group = 128;

    private static readonly float[] Values = Nf4Code.Values.ToArray();

    /// <summary>Whether <see cref="Run"/> can be used for rows of <paramref name="count"/> elements.</summary>
    public static bool Supports(VectorWidth width, int count) => width == VectorWidth.Bits512 && Avx512F.IsSupported && count % Group == 0;

    /// <summary>Brings x into the order of codes: of each 8 elements of a lane, the two of a byte change places (the high nibble comes
    /// first).</summary>
    public static void Order(float* x, int count, float* ordered)
    {
        for (int i = 0; i < count; i++) ordered[i] = x[i / Group * Group + i % 16 * 8 + (i % Group / 16 ^ 1)];
    }

    /// <summary>Σ w · x over the row that starts at the flat index <paramref name="first"/>, a multiple of 128.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Run(byte* codes, in Nf4Blocks blocks, nint first, float* ordered, int count)
    {
        var values = Vector512.Create(Values);
        var total = Vector512<float>.Zero;
        for (nint end = first + count; first < end; first += Group, ordered += Group)
        {
            RowDot.Prefetch(codes + first / 2);
            var lanes = Vector512.Load(codes + first / 2).AsUInt32();
            var even = Decode(lanes, values) * Vector512.Load(ordered);
            var odd = Decode(lanes >> 4, values) * Vector512.Load(ordered + 16);
            even = Vector512.FusedMultiplyAdd(Decode(lanes >> 8, values), Vector512.Load(ordered + 32), even);
            odd = Vector512.FusedMultiplyAdd(Decode(lanes >> 12, values), Vector512.Load(ordered + 48), odd);
            even = Vector512.FusedMultiplyAdd(Decode(lanes >> 16, values), Vector512.Load(ordered + 64), even);
            odd = Vector512.FusedMultiplyAdd(Decode(lanes >> 20, values), Vector512.Load(ordered + 80), odd);
            even = Vector512.FusedMultiplyAdd(Decode(lanes >> 24, values), Vector512.Load(ordered + 96), even);
            odd = Vector512.FusedMultiplyAdd(Decode(lanes >> 28, values), Vector512.Load(ordered + 112), odd);
            total = Vector512.FusedMultiplyAdd(even + odd, Scales(in blocks, first), total);
        }

        return Vector512.Sum(total);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Decode(Vector512<uint> codes, Vector512<float> values) =>
        Avx512F.PermuteVar16x32(values, codes.AsInt32());

    /// <summary>The scale of each lane's 8 elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Scales(in Nf4Blocks blocks, nint first)
    {
        nint block = first >> blocks.Shift;
        return blocks.Shift switch
        {
            5 => Vector512.Create(
                Vector256.Create(Vector128.Create(blocks.Scale(block)), Vector128.Create(blocks.Scale(block + 1))),
                Vector256.Create(Vector128.Create(blocks.Scale(block + 2)), Vector128.Create(blocks.Scale(block + 3)))),
            6 => Vector512.Create(Vector256.Create(blocks.Scale(block)), Vector256.Create(blocks.Scale(block + 1))),
            _ => Vector512.Create(blocks.Scale(block)),
        };
    }
}
