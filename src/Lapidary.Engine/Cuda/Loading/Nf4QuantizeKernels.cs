using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Nf4;

namespace Lapidary.Engine.Cuda.Loading;

/// <summary>Weights to NF4 while they are loaded, with the bytes of <see cref="Nf4Quantizer"/>.</summary>
/// <remarks>The kernel reads the pinned buffers over the bus, so the weight takes no device memory. The host computes the mean of the
/// scales, because its order of summation defines it.</remarks>
internal sealed unsafe class Nf4QuantizeKernels(CudaRuntime runtime, Transfers transfers)
{
    /// <summary>Elements and threads of a block of nf4_quantize; the elements are a multiple of every legal block of scales.</summary>
    private const int QuantizeElements = 4096, QuantizeThreads = 512;

    private readonly Launcher _launcher = runtime.Launcher;
    private readonly Kernel _quantize = new("nf4_quantize.cu", "nf4_quantize");
    private readonly Kernel _quantizeScales = new("nf4_quantize.cu", "nf4_quantize_scales");

    /// <inheritdoc cref="IBackend.QuantizeNf4"/>
    public Tensor Run(Tensor host, Nf4Options options, MemoryRegion region)
    {
        if (runtime.OnlyCounts) return Nf4Quantizer.Allocate(host, options, region);
        int blocks = Nf4Quantizer.CountBlocks(host, options);
        var weight = Nf4Quantizer.Allocate(host, options, region);
        var scales = weight.Scales!;
        if (!scales.IsNested)
        {
            QuantizeBlocks(host, options.BlockSize, weight.Address, scales.Absmax);
            return weight;
        }

        using var temporary = new MemoryRegion(runtime.Memory, MemoryOwner.Workspace);
        var absmax = temporary.New(host.Name + ".absmax", DType.Float32, blocks);
        float[] values = QuantizeBlocks(host, options.BlockSize, weight.Address, absmax);
        scales = scales with { Offset = options.Offset ?? NestedScales.Mean(values) };
        QuantizeScales(absmax, scales);
        runtime.Synchronize(); // before the absolute maxima are freed
        return new Tensor(weight.Address, DType.NF4, host.Shape) { Name = host.Name, Scales = scales };
    }

    /// <summary>Writes codes and absolute maxima, and returns a copy of the latter, which are finite.</summary>
    private float[] QuantizeBlocks(Tensor host, int blockSize, nint codes, Tensor absmax)
    {
        long elementBytes = host.DType.LengthBytes(1);
        transfers.Stage((byte*)host.Address, host.LengthBytes, (buffer, offset, length) =>
        {
            long first = offset / elementBytes, count = length / elementBytes;
            int blocks = checked((int)((count + QuantizeElements - 1) / QuantizeElements));
            _launcher.Launch(_quantize, blocks, QuantizeThreads, sharedBytes: 0, new Nf4QuantizeArgs
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
        transfers.Read<float>(absmax, values);
        Nf4Quantizer.RequireFinite(host, blockSize, values);
        return values;
    }

    /// <summary>Writes the codes, the second level and the map of double-quantized scales.</summary>
    private void QuantizeScales(Tensor absmax, Nf4Scales scales)
    {
        int count = checked((int)absmax.Count), nestedBlocks = (count + Nf4Scales.NestedBlockSize - 1) / Nf4Scales.NestedBlockSize;
        Tensor map = scales.NestedCode!, nestedAbsmax = scales.NestedAbsmax!;
        transfers.Write(DynamicMap.Values, map);
        _launcher.Launch(_quantizeScales, nestedBlocks, Nf4Scales.NestedBlockSize, sharedBytes: 0, new Nf4QuantizeScalesArgs
        {
            Absmax = absmax.Address,
            Map = map.Address,
            Codes = scales.Absmax.Address,
            NestedAbsmax = nestedAbsmax.Address,
            Count = count,
            Offset = scales.Offset,
        });
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
