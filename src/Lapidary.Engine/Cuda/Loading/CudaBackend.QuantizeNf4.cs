using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Nf4;

namespace Lapidary.Engine;

public sealed unsafe partial class CudaBackend
{
    /// <summary>Elements and threads of a block of nf4_quantize; the elements are a multiple of every legal block of scales.</summary>
    private const int QuantizeElements = 4096, QuantizeThreads = 512;

    private readonly Kernel _nf4Quantize = new("nf4_quantize.cu", "nf4_quantize");
    private readonly Kernel _nf4QuantizeScales = new("nf4_quantize.cu", "nf4_quantize_scales");

    /// <inheritdoc/>
    /// <remarks>The bytes of <see cref="Nf4Quantizer"/>. The kernel reads the pinned buffers over the bus, so the weight takes no memory of
    /// the device. The mean of the scales is formed by the host, whose order of summation defines it.</remarks>
    public Tensor QuantizeNf4(Tensor host, Nf4Options options, MemoryRegion region)
    {
        if (OnlyCounts) return Nf4Quantizer.Allocate(host, options, region);
        int blocks = Nf4Quantizer.CountBlocks(host, options);
        nint codes = region.Allocate(DType.NF4.LengthBytes(host.Count));
        Nf4Scales scales;
        if (options.DoubleQuantization)
        {
            using var temporary = new MemoryRegion(_memory, MemoryOwner.Workspace);
            var absmax = temporary.New(host.Name + ".absmax", DType.Float32, blocks);
            scales = QuantizeScales(host.Name, absmax, QuantizeBlocks(host, options.BlockSize, codes, absmax), options, region);
            Synchronize(); // before the absolute maxima are freed
        }
        else
        {
            var absmax = region.New(host.Name + ".absmax", DType.Float32, blocks);
            QuantizeBlocks(host, options.BlockSize, codes, absmax);
            scales = new Nf4Scales(options.BlockSize, absmax, NestedAbsmax: null, Offset: 0, NestedCode: null);
        }

        return new Tensor(codes, DType.NF4, host.Shape) { Name = host.Name, Scales = scales };
    }

    /// <summary>Writes codes and absolute maxima, and returns a copy of the latter, which are finite.</summary>
    private float[] QuantizeBlocks(Tensor host, int blockSize, nint codes, Tensor absmax)
    {
        long elementBytes = host.DType.LengthBytes(1);
        Staging.Stream((byte*)host.Address, host.LengthBytes, (buffer, offset, length) =>
        {
            long first = offset / elementBytes, count = length / elementBytes;
            Launch(_nf4Quantize, checked((int)((count + QuantizeElements - 1) / QuantizeElements)), QuantizeThreads, sharedBytes: 0, new Nf4QuantizeArgs
            {
                X = buffer,
                Codes = codes + (nint)(first / 2),
                Absmax = absmax.Address + (nint)(first / blockSize * sizeof(float)),
                Count = count,
                BlockSize = blockSize,
                DType = (int)host.DType,
            });
        });
        float[] values = new float[absmax.Count];
        Read<float>(absmax, values);
        Nf4Quantizer.RequireFinite(host, blockSize, values);
        return values;
    }

    private Nf4Scales QuantizeScales(string name, Tensor absmax, float[] values, Nf4Options options, MemoryRegion region)
    {
        float offset = options.Offset ?? NestedScales.Mean(values);
        int nestedBlocks = (values.Length + Nf4Scales.NestedBlockSize - 1) / Nf4Scales.NestedBlockSize;
        var (codes, nestedAbsmax, map) = Nf4Quantizer.NewNestedScales(name, values.Length, region);
        Write(DynamicMap.Values, map);
        Launch(_nf4QuantizeScales, nestedBlocks, Nf4Scales.NestedBlockSize, sharedBytes: 0, new Nf4QuantizeScalesArgs
        {
            Absmax = absmax.Address,
            Map = map.Address,
            Codes = codes.Address,
            NestedAbsmax = nestedAbsmax.Address,
            Count = values.Length,
            Offset = offset,
        });
        return new Nf4Scales(options.BlockSize, codes, nestedAbsmax, offset, map);
    }

    private struct Nf4QuantizeArgs
    {
        public nint X, Codes, Absmax;
        public long Count;
        public int BlockSize, DType;
    }

    private struct Nf4QuantizeScalesArgs
    {
        public nint Absmax, Map, Codes, NestedAbsmax;
        public int Count;
        public float Offset;
    }
}
