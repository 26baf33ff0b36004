using Lapidary.Engine;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>Where a model's weights come from: a checkpoint, random numbers, or nowhere, where memory is only counted. What a model is made
/// of is written here (which tensors, which of them in 4 bits, in which types); a source gives the values.</summary>
/// <remarks>A source lives as long as its model, whose memory it owns.</remarks>
internal abstract class WeightSource(GemmaConfig config, IBackend backend, ModelOptions options) : IDisposable
{
    protected GemmaConfig Config => config;

    protected IBackend Backend => backend;

    /// <summary>The base's memory on the backend.</summary>
    protected MemoryRegion Region { get; } = new(backend.Memory, MemoryOwner.Base);

    /// <summary>Makes the model. Where that fails, what there was of it is freed.</summary>
    /// <param name="from">Where it comes from, null for nowhere.</param>
    /// <param name="notes">What a user should know about it.</param>
    public GemmaModel CreateModel(ModelSource? from = null, IReadOnlyList<string>? notes = null)
    {
        try
        {
            return new GemmaModel(config, backend, Weights())
            {
                Folder = from?.Folder ?? "",
                Name = from?.Name ?? "",
                Options = options,
                Source = this,
                Notes = notes ?? [],
            };
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Identifies the values of the weights as they are stored; null where they are not from files.</summary>
    public virtual string? Fingerprint(CancellationToken cancellationToken) => null;

    /// <summary>Frees all memory of the model.</summary>
    public virtual void Dispose() => Region.Dispose();

    /// <summary>The embedding table; a source may leave it where it is until the backend needs it.</summary>
    protected abstract EmbeddingTable Embedding(GemmaTensor tensor);

    /// <summary>A matrix on the backend, in the type that <see cref="Held"/> says.</summary>
    protected abstract Tensor Matrix(GemmaTensor tensor);

    /// <summary>A projection on the backend, quantized.</summary>
    protected abstract Tensor Nf4(GemmaTensor tensor, Nf4Options nf4);

    /// <summary>A projection on the backend that is stored in 4 bits already; null where it is not.</summary>
    protected virtual Tensor? StoredNf4(GemmaTensor tensor) => null;

    /// <summary>A norm's weight, in fp32 whatever the model's type: they are small, and every kernel then reads one type. It is zero, which
    /// is Gemma's 1, where a source has no other values.</summary>
    protected virtual Tensor Vector(GemmaTensor tensor) => Region.New(tensor.Name, DType.Float32, tensor.Shape.AsSpan());

    /// <summary>The type that a plain weight is held in: under bfloat16 what is stored in fp32 is rounded on loading, as transformers
    /// does.</summary>
    protected DType Held(DType stored) => options.DType == DType.BFloat16 && stored == DType.Float32 ? DType.BFloat16 : stored;

    private ModelWeights Weights()
    {
        // The order is also that of random numbers, so that a seed keeps its model.
        var embedding = Embedding(GemmaTensors.Embedding(config));
        var layers = new List<DecoderLayer>();
        for (int i = 0; i < config.NumHiddenLayers; i++)
        {
            layers.Add(DecoderLayer.Create(config, i, Projection, Vector));
            options.Progress?.Report(new("loading weights", i + 1, config.NumHiddenLayers, "layers"));
        }

        return new ModelWeights
        {
            Owner = this,
            Region = Region,
            Embedding = embedding,
            EmbeddingScale = EmbeddingScale(options.DType ?? embedding.DType),
            LmHead = config.TieWordEmbeddings ? null : Matrix(GemmaTensors.Head(config)),
            Layers = layers,
            Norm = Vector(GemmaTensors.Norm(config)),
        };
    }

    private LinearLayer Projection(GemmaTensor tensor)
    {
        var weight = StoredNf4(tensor) ?? (options.Quantization == QuantizationKind.Nf4
            ? Nf4(tensor, new Nf4Options { DoubleQuant = options.DoubleQuant })
            : Matrix(tensor));
        return new LinearLayer(tensor.Module, weight);
    }

    /// <summary>√hidden as the model's type holds it.</summary>
    private float EmbeddingScale(DType dtype)
    {
        float scale = MathF.Sqrt(config.HiddenSize);
        return dtype switch
        {
            DType.BFloat16 => BFloat16.Round(scale),
            DType.Float16 => (float)(Half)scale,
            _ => scale,
        };
    }
}
