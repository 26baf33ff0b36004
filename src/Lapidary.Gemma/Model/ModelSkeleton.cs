using Lapidary.Engine;

namespace Lapidary.Gemma.Model;

/// <summary>A model without weights on a backend that only counts: what <see cref="ModelLoader"/> would bring there, from config.json
/// alone.</summary>
internal sealed class ModelSkeleton(GemmaConfig config, IBackend counter, ModelOptions options, MemoryRegion region)
{
    public static GemmaModel Create(GemmaConfig config, IBackend counter, ModelOptions options) =>
        new(config, counter, new ModelSkeleton(config, counter, options, new MemoryRegion(counter.Memory, MemoryOwner.Base)).Weights());

    /// <summary>The type weights come in: the checkpoint's, but fp32 is rounded where bf16 is asked for.</summary>
    private DType PlainDType => config.Dtype switch
    {
        "float32" => options.DType ?? DType.Float32,
        "float16" => DType.Float16,
        _ => DType.BFloat16,
    };

    private ModelWeights Weights() => new()
    {
        Region = region,
        Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(index => DecoderLayer.Create(config, index, Linear, Vector))],
        EmbedTokens = new Lazy<Tensor>(() => Matrix(TensorNames.Embedding, config.VocabSize, config.HiddenSize)),
        LmHead = config.TieWordEmbeddings ? null : Matrix(TensorNames.Head, config.VocabSize, config.HiddenSize),
        EmbeddingScale = ModelWeights.EmbeddingScaleOf(config, options.DType ?? PlainDType),
        Norm = Vector("model.norm.weight", config.HiddenSize),
        Owned = [region],
    };

    private LinearLayer Linear(string module, int rows, int columns)
    {
        var weight = Stored(module + ".weight", rows, columns);
        if (config.Quantization is { } stored)
        {
            using var file = new MemoryRegion(counter.CreateCounter().Memory, MemoryOwner.Base);
            var quantized = Nf4Quantizer.Allocate(weight, new Nf4Options { DoubleQuantization = stored.UseDoubleQuant }, file);
            return new LinearLayer(module, counter.Import(quantized, region));
        }

        return new LinearLayer(module, options.Quantization == QuantizationKind.Nf4
            ? counter.QuantizeNf4(weight, new Nf4Options { DoubleQuantization = options.DoubleQuant }, region)
            : counter.Import(weight, region));
    }

    private Tensor Matrix(string name, int rows, int columns) => counter.Import(Stored(name, rows, columns), region);

    private Tensor Vector(string name, int length) => region.New(name, DType.Float32, length);

    /// <summary>A weight as the checkpoint has it, without memory.</summary>
    private Tensor Stored(string name, int rows, int columns) => new(PlainDType, rows, columns) { Name = name };
}
