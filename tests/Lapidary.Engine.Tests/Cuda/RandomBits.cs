using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Lapidary.Engine.Tests.Cpu;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>Random matrices in host memory, for tests that compare bits and need no values: much faster to make than
/// <see cref="TestMatrix"/>, because they are copies of random bytes that repeat. Numbers have any mantissa and are within ±[⅛, 2),
/// those of NF4 within ±4.</summary>
internal static class RandomBits
{
    private const int BlockSize = 64;

    /// <summary>Four times a prime, so that no two rows of a matrix are the same.</summary>
    private const int PeriodBytes = 4 * 262_147;

    private static readonly ConcurrentDictionary<DType, byte[]> Periods = [];

    /// <summary>A weight of a kind.</summary>
    public static Tensor Weight(WeightKind kind, int rows, int columns, int seed, MemoryRegion region) => kind switch
    {
        WeightKind.NF4 or WeightKind.NestedNF4 => Nf4(kind == WeightKind.NestedNF4, rows, columns, seed, region),
        WeightKind.BFloat16 => Matrix(DType.BFloat16, rows, columns, seed, region),
        WeightKind.Float16 => Matrix(DType.Float16, rows, columns, seed, region),
        _ => Matrix(DType.Float32, rows, columns, seed, region),
    };

    /// <summary>A matrix of a type.</summary>
    public static Tensor Matrix(DType type, int rows, int columns, int seed, MemoryRegion region)
    {
        var tensor = region.New("matrix", type, rows, columns);
        Fill(tensor, type, seed);
        return tensor;
    }

    private static Tensor Nf4(bool isNested, int rows, int columns, int seed, MemoryRegion region)
    {
        int count = rows * columns, blocks = (count + BlockSize - 1) / BlockSize;
        var scales = isNested
            ? new Nf4Scales(
                BlockSize, Matrix(DType.UInt8, 1, blocks, seed + 1, region).Reshape(blocks),
                Positive((blocks + 255) / 256, seed + 2, region), 1.25f, Map(region))
            : new Nf4Scales(BlockSize, Positive(blocks, seed + 1, region), null, 0, null);
        var tensor = new Tensor(region.Allocate((count + 1) / 2), DType.NF4, rows, columns) { Scales = scales };
        Fill(tensor, DType.UInt8, seed);
        return tensor;
    }

    /// <summary>In [⅛, 2).</summary>
    private static Tensor Positive(int count, int seed, MemoryRegion region)
    {
        var tensor = Matrix(DType.Float32, 1, count, seed, region).Reshape(count);
        foreach (ref float value in tensor.AsSpan<float>()) value = Math.Abs(value);
        return tensor;
    }

    /// <summary>The numbers that codes of nested scales stand for, [−1, 1].</summary>
    private static Tensor Map(MemoryRegion region)
    {
        var tensor = region.New("nested_quant_map", DType.Float32, 256);
        for (int i = 0; i < 256; i++) tensor.AsSpan<float>()[i] = (i - 127) / 128f;
        return tensor;
    }

    private static unsafe void Fill(Tensor tensor, DType type, int seed)
    {
        byte[] period = Periods.GetOrAdd(type, NewPeriod);
        var left = new Span<byte>((void*)tensor.Address, checked((int)tensor.LengthBytes));
        for (int from = (int)(seed * 104_729L * sizeof(float) % PeriodBytes); left.Length > 0; from = 0)
        {
            var part = period.AsSpan(from, Math.Min(left.Length, PeriodBytes - from));
            part.CopyTo(left);
            left = left[part.Length..];
        }
    }

    /// <summary>Random bytes; for floating types with exponents from −3 to 0.</summary>
    private static byte[] NewPeriod(DType type)
    {
        byte[] bytes = new byte[PeriodBytes];
        new Random(20250).NextBytes(bytes);
        var words = MemoryMarshal.Cast<byte, uint>(bytes.AsSpan());
        var halves = MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan());
        if (type == DType.Float32)
        {
            foreach (ref uint bits in words) bits = (bits & 0x807FFFFF) | ((124 + ((bits >> 23) & 3)) << 23);
        }
        else if (type == DType.BFloat16)
        {
            foreach (ref ushort bits in halves) bits = (ushort)((bits & 0x807F) | ((124 + ((bits >> 7) & 3)) << 7));
        }
        else if (type == DType.Float16)
        {
            foreach (ref ushort bits in halves) bits = (ushort)((bits & 0x83FF) | ((12 + ((bits >> 10) & 3)) << 10));
        }

        return bytes;
    }
}
