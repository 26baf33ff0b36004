using Lapidary.Gemma;

namespace Lapidary.Engine.Tests.Cuda;

/// <summary>The dynamic shared memory that kernels ask for, by launches on a backend that only counts.</summary>
internal sealed class KernelLaunches : IDisposable
{
    private const int Tokens = 70, ManyTokens = 8192;

    private static readonly int[] HeadDims = [32, 64, 80, 128, 256];

    private readonly CudaBackend _backend;
    private readonly MemoryRegion _region;

    private KernelLaunches(CudaDevice device, DType activations)
    {
        _backend = CudaBackend.CreateCounter(device, new CudaOptions { ActivationDType = activations });
        _backend.Runtime.Launcher.Launched = (kernel, bytes) =>
            SharedBytes[kernel.Name] = Math.Max(bytes, SharedBytes.GetValueOrDefault(kernel.Name));
        _region = new MemoryRegion(_backend.Memory, MemoryOwner.Base);
    }

    private Dictionary<string, int> SharedBytes { get; } = [];

    /// <summary>The most dynamic shared memory of a block, by the kernel's name: of attention with every head, and of projections of every
    /// size of Gemma 3, few rows and many, with adapters.</summary>
    /// <exception cref="InvalidOperationException">One is more than the device has.</exception>
    public static IReadOnlyDictionary<string, int> On(CudaDevice device, DType activations)
    {
        using var launches = new KernelLaunches(device, activations);
        foreach (int headDim in HeadDims) launches.Attention(headDim);
        foreach (string size in GemmaConfig.PresetNames)
        {
            foreach (var quantization in (QuantizationKind[])[QuantizationKind.Nf4, QuantizationKind.None])
                launches.Projections(GemmaConfig.Preset(size), quantization);
        }

        return launches.SharedBytes;
    }

    public void Dispose()
    {
        _region.Dispose();
        _backend.Dispose();
    }

    /// <summary>A few tokens and many: tiles are larger where they fill the device.</summary>
    private void Attention(int headDim)
    {
        const int Heads = 4, KvHeads = 1;
        var shape = new AttentionShape(Heads, KvHeads, headDim, 64, 1);
        foreach (int tokens in (int[])[Tokens, ManyTokens])
        {
            Tensor q = New(tokens, Heads * headDim), k = New(tokens, KvHeads * headDim), lse = New(DType.Float32, Heads, tokens);
            var starts = New(DType.Int32, tokens);
            _backend.AttentionForward(q, k, k, starts, shape, q, lse);
            _backend.AttentionBackward(q, q, k, k, q, lse, starts, shape, q, k, k);
            var keys = New(2, 100, KvHeads * headDim);
            _backend.CachedAttention(q, starts, starts, keys, keys, shape, q);
            var norms = new QkNorms(New(headDim), New(headDim), 1e-6f);
            var rope = new RotaryTable(New(DType.Float32, tokens, headDim / 2), New(DType.Float32, tokens, headDim / 2));
            _backend.QkvAttention(q, k, k, norms, rope, starts, starts, keys, keys, shape, q, lse);
        }
    }

    private void Projections(GemmaConfig config, QuantizationKind quantization)
    {
        using var model = GemmaModel.Skeleton(config, _backend, new ModelOptions { Quantization = quantization });
        foreach (var layer in model.LinearLayers.Take(7))
        {
            Tensor weight = layer.Weight, b = New(DType.Float32, weight.Shape[0], 64);
            var plain = new LoraAdapter(
                new Parameter("A", New(DType.Float32, 64, weight.Shape[1]), New(DType.Float32, 64, weight.Shape[1])),
                new Parameter("B", b, b), 1, Dropout: null);
            Projection[] three = Three(plain), masked = Three(plain with { Dropout = new Dropout(0.1f, New(DType.Int64, 1), Stream: 0) });
            foreach (int rows in (int[])[1, 8, 9, 33, 64, 100, ManyTokens])
            {
                Tensor x = New(rows, weight.Shape[1]), y = New(rows, weight.Shape[0]), xa = New(rows, 64);
                if (rows < ManyTokens)
                {
                    _backend.ProjectRows(x, three, [y, y, y]);
                    _backend.ProjectRows(x, [new(weight, null) { RowAdapters = new([plain, null], New(DType.Int32, rows)) }], [y]);
                    _backend.ProjectRowsGated(x, new Projection(weight, null), new Projection(weight, null), y, y, y);
                }

                foreach (var projections in (Projection[][])[three, masked])
                {
                    _backend.ProjectForward(x, projections, [xa, xa, xa], [y, y, y]);
                    _backend.ProjectBackward([y, y, y], x, projections, [xa, xa, xa], x, add: false);
                }

                _backend.ProjectForward(x, three[..1], [xa], [New(_backend.ResidualDType, rows, weight.Shape[0])]);
            }

            Projection[] Three(LoraAdapter adapter) => [.. Enumerable.Repeat(new Projection(weight, adapter), 3)];
        }
    }

    private Tensor New(params long[] shape) => New(_backend.ActivationDType, shape);

    private Tensor New(DType dtype, params long[] shape) => _region.New("", dtype, shape);
}
