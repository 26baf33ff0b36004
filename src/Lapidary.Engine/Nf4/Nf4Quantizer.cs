using Lapidary.Engine.Nf4;
using Lapidary.Formats;

namespace Lapidary.Engine;

/// <summary>Weights to NF4, and back, with the bytes of bitsandbytes' CUDA kernels. Works on host memory, on several threads; the result
/// does not depend on their number.</summary>
/// <remarks>Source: arXiv:2305.14314. Codes of bf16 and fp16 weights, and of bf16 values kept as fp32, are exactly those of a GPU; for
/// other fp32 weights and for double-quantized scales fewer than one code in a million is its neighbour (ADR 0004).</remarks>
public static unsafe class Nf4Quantizer
{
    private const int PiecesPerTask = 16;

    /// <summary>Quantizes a weight.</summary>
    /// <param name="weight">fp32, bf16 or fp16 in host memory, any shape; blocks run over the flattened elements, across rows.</param>
    /// <param name="options">Block size, double quantization, threads.</param>
    /// <param name="region">Host memory that will own the codes and scales.</param>
    /// <returns>An NF4 tensor of the weight's name and shape.</returns>
    /// <exception cref="LapidaryException">The weight has another type or holds an infinity or NaN, or the block size is not one of
    /// bitsandbytes'.</exception>
    public static Tensor Quantize(Tensor weight, Nf4Options options, MemoryRegion region)
    {
        int blocks = CountBlocks(weight, options);
        nint packed = region.Allocate(DType.NF4.LengthBytes(weight.Count));
        Nf4Scales scales;
        if (options.DoubleQuant)
        {
            float[] absmax = new float[blocks];
            Encode(weight, options, absmax, (byte*)packed);
            scales = QuantizeScales(weight.Name, absmax, options, region);
        }
        else
        {
            var absmax = region.New(weight.Name + ".absmax", DType.Float32, blocks);
            Encode(weight, options, absmax.AsSpan<float>(), (byte*)packed);
            scales = new Nf4Scales(options.BlockSize, absmax, NestedAbsmax: null, Offset: 0, NestedCode: null);
        }

        return new Tensor(packed, DType.NF4, weight.Shape) { Name = weight.Name, Scales = scales };
    }

    /// <summary>Allocates the result of <see cref="Quantize"/> without quantizing.</summary>
    /// <param name="weight">Any shape; needs no memory.</param>
    /// <param name="options">Block size and double quantization.</param>
    /// <param name="region">Owns the codes and scales.</param>
    public static Tensor Allocate(Tensor weight, Nf4Options options, MemoryRegion region)
    {
        long blocks = Blocks(weight.Count, options.BlockSize);
        nint packed = region.Allocate(DType.NF4.LengthBytes(weight.Count));
        var (absmax, nestedAbsmax, map) = options.DoubleQuant
            ? NewNestedScales(weight.Name, blocks, region)
            : (region.New(weight.Name + ".absmax", DType.Float32, blocks), default(Tensor), default(Tensor));
        var scales = new Nf4Scales(options.BlockSize, absmax, nestedAbsmax, Offset: 0, map);
        return new Tensor(packed, DType.NF4, weight.Shape) { Name = weight.Name, Scales = scales };
    }

    /// <summary>Writes the values that the codes stand for, code value · absmax rounded to fp32 and then to the output's type.</summary>
    /// <param name="weight">NF4 in host memory.</param>
    /// <param name="output">fp32, bf16 or fp16 of the same number of elements.</param>
    /// <param name="threads">Threads to use; 0 for one per core.</param>
    public static void Dequantize(Tensor weight, Tensor output, int threads = 0)
    {
        if (weight.Scales is not { } scales || !Nf4Options.IsLegalBlockSize(scales.BlockSize)
            || scales.Absmax.Count != Blocks(weight.Count, scales.BlockSize))
        {
            throw new ShapeException(nameof(Dequantize), nameof(weight), "NF4 with a scale per block", weight);
        }

        if (!output.DType.IsFloatingPoint() || output.Count != weight.Count)
        {
            string expected = $"Float32, BFloat16 or Float16 of {weight.Count} elements";
            throw new ShapeException(nameof(Dequantize), nameof(output), expected, output);
        }

        var blocks = Nf4Blocks.Of(weight, nameof(Dequantize));
        ForPieces(weight.Count, Nf4Decoder.MaxElements, threads, (first, count) => Nf4Decoder.Decode(weight, blocks, first, count, output));
    }

    /// <summary>The number of scales of a weight.</summary>
    /// <exception cref="LapidaryException">The weight is of another type, or the block size is not one of bitsandbytes'.</exception>
    internal static int CountBlocks(Tensor weight, Nf4Options options)
    {
        if (!weight.DType.IsFloatingPoint())
        {
            throw new ShapeException(nameof(Quantize), nameof(weight), "Float32, BFloat16 or Float16", weight);
        }

        if (!Nf4Options.IsLegalBlockSize(options.BlockSize))
        {
            throw new LapidaryException($"NF4 block size must be {Nf4Options.LegalBlockSizes}, got {options.BlockSize}.");
        }

        return checked((int)Blocks(weight.Count, options.BlockSize));
    }

    /// <summary>Throws if an absolute maximum shows an infinity or NaN in its block.</summary>
    internal static void RequireFinite(Tensor weight, int blockSize, ReadOnlySpan<float> absmax)
    {
        for (int block = 0; block < absmax.Length; block++)
        {
            if (float.IsFinite(absmax[block])) continue;
            throw new LapidaryException(
                $"{weight}: an infinity or NaN among elements {(long)block * blockSize} and following; expected finite weights. "
                + "The checkpoint is damaged or was trained to divergence: use another one.");
        }
    }

    /// <summary>Room for double-quantized scales of a weight, in any backend's memory: codes, their absolute maxima, the map.</summary>
    internal static (Tensor Codes, Tensor NestedAbsmax, Tensor Map) NewNestedScales(string weight, long blocks, MemoryRegion region) =>
        (region.New(weight + ".absmax", DType.UInt8, blocks),
            region.New(weight + ".nested_absmax", DType.Float32, Blocks(blocks, Nf4Scales.NestedBlockSize)),
            region.New(weight + ".nested_quant_map", DType.Float32, DynamicMap.Values.Length));

    private static void Encode(Tensor weight, Nf4Options options, Span<float> absmax, byte* packed)
    {
        fixed (float* pinned = absmax)
        {
            float* scales = pinned;
            ForPieces(weight.Count, Nf4Encoder.MaxElements, options.Threads, (first, count) =>
                Nf4Encoder.Encode(weight, first, count, options.BlockSize, scales + first / options.BlockSize, packed + first / 2));
        }

        RequireFinite(weight, options.BlockSize, absmax);
    }

    private static Nf4Scales QuantizeScales(string name, float[] absmax, Nf4Options options, MemoryRegion region)
    {
        float offset = options.Offset ?? NestedScales.Mean(absmax);
        var (codes, nestedAbsmax, map) = NewNestedScales(name, absmax.Length, region);
        DynamicMap.Values.CopyTo(map.AsSpan<float>());
        ForPieces(absmax.Length, Nf4Scales.NestedBlockSize, options.Threads, (first, count) =>
        {
            int start = (int)first;
            nestedAbsmax.AsSpan<float>()[start / Nf4Scales.NestedBlockSize] =
                NestedScales.Quantize(absmax.AsSpan(start, count), offset, codes.AsSpan<byte>().Slice(start, count));
        });
        return new Nf4Scales(options.BlockSize, codes, nestedAbsmax, offset, map);
    }

    private static long Blocks(long count, int blockSize) => (count + blockSize - 1) / blockSize;

    /// <summary>Runs a body over [0, count) in pieces of fixed size. Needs no backend. Unlike the backends' worker team it allocates, which
    /// does not matter for loading and saving.</summary>
    private static void ForPieces(long count, long pieceElements, int threads, Action<long, int> body)
    {
        long taskElements = pieceElements * PiecesPerTask;
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount };
        Parallel.For(0, (count + taskElements - 1) / taskElements, parallel, task =>
        {
            long end = Math.Min(count, (task + 1) * taskElements);
            for (long first = task * taskElements; first < end; first += pieceElements)
            {
                body(first, (int)Math.Min(pieceElements, end - first));
            }
        });
    }
}
