using Lapidary.Engine;

namespace Lapidary.Benchmarks;

/// <summary>Random weights of each type.</summary>
internal static unsafe class Weights
{
    /// <summary>A matrix whose bytes are random but finite numbers.</summary>
    public static Tensor New(MemoryRegion region, DType type, long rows, long columns)
    {
        var random = new Random(1);
        if (type == DType.NF4)
        {
            var absmax = region.New("absmax", DType.Float32, rows * columns / 64);
            absmax.AsSpan<float>().Fill(0.5f);
            var codes = region.New("codes", DType.UInt8, rows * columns / 2);
            random.NextBytes(codes.AsSpan<byte>());
            return new Tensor(codes.Address, DType.NF4, rows, columns) { Scales = new Nf4Scales(64, absmax, null, 0, null) };
        }

        var weight = region.New("weight", type, rows, columns);
        for (long i = 0; i < weight.Count; i++)
        {
            float value = random.NextSingle() - 0.5f;
            if (type == DType.Float32) weight.AsSpan<float>()[(int)i] = value;
            else weight.AsSpan<ushort>()[(int)i] = BFloat16.FromSingle(value);
        }

        return weight;
    }
}
