using Lapidary.Engine;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>The source of a model's weights: a checkpoint, random numbers, or none if memory is only counted. This class defines the parts
/// of a model (which tensors, which of them in 4 bits, in which types); a source provides the values.</summary>
/// <remarks>A source lives as long as its model, whose memory it owns.</remarks>
internal abstract class WeightSource(GemmaConfig config, IBackend backend, ModelOptions options) : IDisposable
{
    protected GemmaConfig Config => config;

    protected IBackend Backend => backend;

    /// <summary>The base's memory on the backend.</summary>
    protected MemoryRegion Region { get; } = new(backend.Memory, MemoryOwner.Base);

    /// <summary>Creates the model. If that fails, frees everything allocated so far.</summary>
    /// <param name="from">The source, or null for none.</param>
    /// <param name="notes">Notes for the user.</param>
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
                Notes = [.. notes ?? [], .. Note is { } note ? [note] : Array.Empty<string>()],
            };
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The files; null if the weights do not come from files.</summary>
    public virtual Checkpoint? Checkpoint => null;

    /// <summary>Identifies the stored values of the weights; null if they do not come from files.</summary>
    public virtual string? Fingerprint(CancellationToken cancellationToken) => null;

    /// <summary>What to know of the weights that were read; null for nothing.</summary>
    protected virtual string? Note => null;

    /// <summary>Frees all memory of the model.</summary>
    public virtual void Dispose() => Region.Dispose();

    /// <summary>A matrix that a source may copy to the backend only when it is needed.</summary>
    protected abstract StoredMatrix Stored(GemmaTensor tensor);

    /// <summary>A matrix on the backend, in the type of <see cref="Held"/>.</summary>
    protected abstract Tensor Matrix(GemmaTensor tensor);

    /// <summary>A projection on the backend, quantized.</summary>
    protected abstract Tensor Nf4(GemmaTensor tensor, Nf4Options nf4);

    /// <summary>A projection on the backend that is already stored in 4 bits; else null.</summary>
    protected virtual Tensor? StoredNf4(GemmaTensor tensor) => null;

    /// <summary>A norm's weight, always in fp32: it is small, and every kernel then reads one type. It is zero (a factor of 1 in Gemma)
    /// unless the source has other values.</summary>
    protected virtual Tensor Vector(GemmaTensor tensor) => Region.New(tensor.Name, DType.Float32, tensor.Shape.AsSpan());

    /// <summary>The type of a plain weight in memory. Under bfloat16, weights stored in fp32 are rounded on loading, as in
    /// transformers.</summary>
    protected DType Held(DType stored) => options.DType == DType.BFloat16 && stored == DType.Float32 ? DType.BFloat16 : stored;

    private ModelWeights Weights()
    {
        // The order is also that of random numbers, so that a seed keeps its model.
        var embedding = Stored(GemmaTensors.Embedding(config));
        var layers = new List<DecoderLayer>();
        for (int i = 0; i < config.NumHiddenLayers; i++)
        {
            layers.Add(DecoderLayer.Create(config, i, Projection, Norm));
            options.Progress?.Report(new("loading weights", i + 1, config.NumHiddenLayers, "layers"));
        }

        return new ModelWeights
        {
            Owner = this,
            Region = Region,
            Embedding = embedding,
            EmbeddingScale = EmbeddingScale(options.DType ?? embedding.DType),
            LmHead = config.TieWordEmbeddings ? null : Plain(GemmaTensors.Head(config)),
            Layers = layers,
            Norm = Norm(GemmaTensors.Norm(config)),
        };
    }

    private LinearLayer Projection(GemmaTensor tensor)
    {
        var quantized = StoredNf4(tensor) ?? (options.Quantization == QuantizationKind.Nf4
            ? Nf4(tensor, new Nf4Options { DoubleQuant = options.DoubleQuant })
            : null);
        return quantized is null ? new LinearLayer(tensor.Module, Plain(tensor)) : new LinearLayer(tensor.Module, quantized);
    }

    private StoredMatrix Plain(GemmaTensor tensor) => options.LoadOnUse ? Stored(tensor) : StoredMatrix.Of(Matrix(tensor));

    private NormLayer Norm(GemmaTensor tensor) => new(tensor, Vector(tensor));

    /// <summary>√hidden, rounded to the model's type.</summary>
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
