using Lapidary.Engine.Memory;

namespace Lapidary.Engine.Tests.Cpu;

/// <summary>The weight types a product reads, NF4 with each kind of scales.</summary>
public enum WeightKind
{
    Float32,
    BFloat16,
    Float16,
    NF4,
    NestedNF4,
}

/// <summary>A random matrix in native memory, with its exact values in fp64.</summary>
internal sealed unsafe class TestMatrix : IDisposable
{
    private readonly MemoryRegion _region = new(new HostAllocator(), MemoryOwner.Base);

    private TestMatrix(int rows, int columns) => (Rows, Columns, Values) = (rows, columns, new double[rows * columns]);

    public int Rows { get; }

    public int Columns { get; }

    public double[] Values { get; }

    public Tensor Tensor { get; private set; } = null!;

    public float* Pointer => Tensor.Pointer<float>();

    public double this[int row, int column] => Values[row * Columns + column];

    /// <summary>Uniform fp32 numbers in [−1, 1).</summary>
    public static TestMatrix Float32(int rows, int columns, int seed) => Create(WeightKind.Float32, rows, columns, seed);

    public static TestMatrix Zeros(int rows, int columns)
    {
        var matrix = new TestMatrix(rows, columns);
        matrix.Tensor = matrix._region.New("zeros", DType.Float32, rows, columns);
        return matrix;
    }

    public static TestMatrix Create(WeightKind kind, int rows, int columns, int seed, int blockSize = 64)
    {
        var random = new Random(seed);
        var matrix = new TestMatrix(rows, columns);
        if (kind is WeightKind.NF4 or WeightKind.NestedNF4)
        {
            matrix.FillNf4(random, kind == WeightKind.NestedNF4, blockSize);
            return matrix;
        }

        var type = kind switch { WeightKind.BFloat16 => DType.BFloat16, WeightKind.Float16 => DType.Float16, _ => DType.Float32 };
        matrix.Tensor = matrix._region.New("matrix", type, rows, columns);
        for (int i = 0; i < matrix.Values.Length; i++)
        {
            float value = random.NextSingle() * 2 - 1;
            switch (type)
            {
                case DType.BFloat16:
                    matrix.Tensor.AsSpan<ushort>()[i] = BFloat16.FromSingle(value);
                    matrix.Values[i] = BFloat16.Round(value);
                    break;
                case DType.Float16:
                    matrix.Tensor.AsSpan<Half>()[i] = (Half)value;
                    matrix.Values[i] = (double)(Half)value;
                    break;
                default:
                    matrix.Tensor.AsSpan<float>()[i] = value;
                    matrix.Values[i] = value;
                    break;
            }
        }

        return matrix;
    }

    /// <summary>The present content of an fp32 matrix.</summary>
    public float[] ToArray() => Tensor.AsSpan<float>().ToArray();

    public void Dispose() => _region.Dispose();

    private void FillNf4(Random random, bool nested, int blockSize)
    {
        int blocks = (Values.Length + blockSize - 1) / blockSize;
        float[] absmax = new float[blocks];
        Nf4Scales scales;
        if (nested)
        {
            var codes = _region.New("absmax", DType.UInt8, blocks);
            var nestedAbsmax = _region.New("nested_absmax", DType.Float32, (blocks + 255) / 256);
            var map = _region.New("nested_quant_map", DType.Float32, 256);
            random.NextBytes(codes.AsSpan<byte>());
            foreach (ref float value in nestedAbsmax.AsSpan<float>()) value = 0.2f + random.NextSingle();
            for (int i = 0; i < 256; i++) map.AsSpan<float>()[i] = (i - 127) / 128f;
            const float Offset = 1.25f;
            for (int i = 0; i < blocks; i++)
            {
                float product = map.AsSpan<float>()[codes.AsSpan<byte>()[i]] * nestedAbsmax.AsSpan<float>()[i / 256];
                absmax[i] = product + Offset;
            }

            scales = new Nf4Scales(blockSize, codes, nestedAbsmax, Offset, map);
        }
        else
        {
            var plain = _region.New("absmax", DType.Float32, blocks);
            foreach (ref float value in plain.AsSpan<float>()) value = 0.2f + random.NextSingle();
            plain.AsSpan<float>().CopyTo(absmax);
            scales = new Nf4Scales(blockSize, plain, null, 0, null);
        }

        byte[] bytes = new byte[(Values.Length + 1) / 2];
        random.NextBytes(bytes);
        Tensor = new Tensor(_region.Allocate(bytes.Length), DType.NF4, Rows, Columns) { Scales = scales };
        bytes.CopyTo(new Span<byte>((void*)Tensor.Address, bytes.Length));
        for (int i = 0; i < Values.Length; i++)
        {
            int code = i % 2 == 0 ? bytes[i / 2] >> 4 : bytes[i / 2] & 15;
            Values[i] = Nf4Code.Values[code] * absmax[i / blockSize];
        }
    }
}
