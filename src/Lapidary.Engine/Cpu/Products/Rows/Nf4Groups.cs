using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lapidary.Engine.Cpu.Vectors;
using Lapidary.Engine.Nf4;

namespace Lapidary.Engine.Cpu.Products.Rows;

/// <summary>Groups of NF4 codes, each in one register: lane l holds the codes of elements 8·l … 8·l + 7, and shifting all lanes by 4·j
/// brings one code of each to the low 4 bits. So vector j holds elements 8·l + (j ^ 1), as the high nibble of a byte comes first.</summary>
internal static unsafe class Nf4Groups
{
    /// <summary>The code book, for registers.</summary>
    public static readonly float[] Values = Nf4Code.Values.ToArray();

    /// <summary>Whether rows of <paramref name="count"/> elements are read in groups.</summary>
    public static bool Supports(VectorWidth width, int count) => width switch
    {
        VectorWidth.Bits512 => Avx512F.IsSupported && count % 128 == 0,
        VectorWidth.Bits256 => Avx2.IsSupported && count % 64 == 0,
        _ => false,
    };

    /// <summary>Brings a group of x into the order of a group of codes.</summary>
    public static void Order(float* x, int lanes, float* ordered)
    {
        for (int lane = 0; lane < lanes; lane++, x += 8, ordered++)
        {
            (ordered[0], ordered[lanes]) = (x[1], x[0]);
            (ordered[2 * lanes], ordered[3 * lanes]) = (x[3], x[2]);
            (ordered[4 * lanes], ordered[5 * lanes]) = (x[5], x[4]);
            (ordered[6 * lanes], ordered[7 * lanes]) = (x[7], x[6]);
        }
    }
}

/// <summary>128 codes by AVX-512: one permutation of the code book a vector.</summary>
internal unsafe struct Nf4Group512 : IWeightGroup<Nf4Group512, Lanes512>
{
    private Vector512<float> _values;
    private Vector512<uint> _codes;

    public static bool IsNf4 => true;

    public static void Order(float* x, float* ordered) => Nf4Groups.Order(x, Lanes512.Count, ordered);

    public static Nf4Group512 Create() => new() { _values = Vector512.Create(Nf4Groups.Values) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Load(void* weight, nint element)
    {
        byte* codes = (byte*)weight + element / 2;
        Prefetching.Ahead(codes, 64);
        _codes = Vector512.Load(codes).AsUInt32();
    }

    /// <remarks>The permutation looks at the low 4 bits of a lane only.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly Lanes512 At(int j) => Avx512F.PermuteVar16x32(_values, (_codes >> (4 * j)).AsInt32());

    /// <remarks>A block of at least 32 elements fills whole lanes.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Scale(in Nf4Blocks blocks, nint element)
    {
        nint block = element >> blocks.Shift;
        var scale = Vector512.Create(blocks.Scale(block));
        if (blocks.Shift > 6) return scale;
        if (blocks.Shift == 6) return scale.WithUpper(Vector256.Create(blocks.Scale(block + 1)));
        var lower = Vector256.Create(blocks.Scale(block)).WithUpper(Vector128.Create(blocks.Scale(block + 1)));
        var upper = Vector256.Create(blocks.Scale(block + 2)).WithUpper(Vector128.Create(blocks.Scale(block + 3)));
        return lower.ToVector512Unsafe().WithUpper(upper);
    }
}

/// <summary>64 codes by AVX2: the two halves of the code book are permuted, and the high bit of the code chooses.</summary>
internal unsafe struct Nf4Group256 : IWeightGroup<Nf4Group256, Lanes256>
{
    private Vector256<float> _low, _high;
    private Vector256<uint> _codes;

    public static bool IsNf4 => true;

    public static void Order(float* x, float* ordered) => Nf4Groups.Order(x, Lanes256.Count, ordered);

    public static Nf4Group256 Create() =>
        new() { _low = Vector256.Create(Nf4Groups.Values), _high = Vector256.Create(Nf4Groups.Values, 8) };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Load(void* weight, nint element)
    {
        byte* codes = (byte*)weight + element / 2;
        Prefetching.Ahead(codes, 32);
        _codes = Vector256.Load(codes).AsUInt32();
    }

    /// <remarks>The permutations look at the low 3 bits of a lane only, the choice at its sign.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly Lanes256 At(int j)
    {
        var indices = (_codes >> (4 * j)).AsInt32();
        var upper = Avx2.PermuteVar8x32(_high, indices);
        return Avx.BlendVariable(Avx2.PermuteVar8x32(_low, indices), upper, (_codes << (28 - 4 * j)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Scale(in Nf4Blocks blocks, nint element)
    {
        nint block = element >> blocks.Shift;
        var scale = Vector256.Create(blocks.Scale(block));
        return blocks.Shift > 5 ? scale : scale.WithUpper(Vector128.Create(blocks.Scale(block + 1)));
    }
}
