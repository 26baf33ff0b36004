using Lapidary.Engine;

namespace Lapidary.Gemma;

/// <summary>A model without weights on a backend that only counts: what <see cref="ModelLoader"/> would bring there, from config.json alone.</summary>
internal sealed class ModelSkeleton
{
    private readonly GemmaConfig _config;
    private readonly IBackend _counter;
    private readonly ModelOptions _options;
    private readonly MemoryRegion _region;
    private readonly MemoryRegion _elsewhere;

    private ModelSkeleton(GemmaConfig config, IBackend counter, ModelOptions options)
    {
        (_config, _counter, _options) = (config, counter, options);
        _region = new MemoryRegion(counter.Memory, MemoryOwner.Base);
        _elsewhere = new MemoryRegion(counter.CreateCounter().Memory, MemoryOwner.Base);
    }

    public static GemmaModel Create(GemmaConfig config, IBackend counter, ModelOptions options) =>
        new(config, counter, new ModelSkeleton(config, counter, options).Weights());

    private DType PlainDType => _options.DType ?? _config.Dtype switch
    {
        "float32" => DType.Float32,
        "float16" => DType.Float16,
        _ => DType.BFloat16,
    };

    private ModelWeights Weights() => new()
    {
        Region = _region,
        Layers = [.. Enumerable.Range(0, _config.NumHiddenLayers).Select(index => DecoderLayer.Create(_config, index, Linear, Vector))],
        EmbedTokens = new Lazy<Tensor>(() => Matrix(TensorNames.Embedding, _config.VocabSize, _config.HiddenSize)),
        LmHead = _config.TieWordEmbeddings ? null : Matrix(TensorNames.Head, _config.VocabSize, _config.HiddenSize),
        EmbeddingScale = ModelWeights.EmbeddingScaleOf(_config, PlainDType),
        RoundRotaryFrequencies = _options.RoundRotaryFrequencies,
        Norm = Vector("model.norm.weight", _config.HiddenSize),
        Owned = [_region],
    };

    private LinearLayer Linear(string module, int rows, int columns)
    {
        var weight = Stored(module + ".weight", rows, columns);
        if (_config.Quantization is { } stored)
        {
            var quantized = Nf4Quantizer.Allocate(weight, new Nf4Options { DoubleQuantization = stored.UseDoubleQuant }, _elsewhere);
            return new LinearLayer(module, _counter.Import(quantized, _region));
        }

        return new LinearLayer(module, _options.Quantization == QuantizationKind.Nf4
            ? _counter.QuantizeNf4(weight, new Nf4Options { DoubleQuantization = _options.DoubleQuant }, _region)
            : _counter.Import(weight, _region));
    }

    private Tensor Matrix(string name, int rows, int columns) => _counter.Import(Stored(name, rows, columns), _region);

    private Tensor Vector(string name, int length) => _region.New(name, DType.Float32, length);

    /// <summary>A weight as the checkpoint has it, without memory.</summary>
    private Tensor Stored(string name, int rows, int columns) => new(PlainDType, rows, columns) { Name = name };
}
