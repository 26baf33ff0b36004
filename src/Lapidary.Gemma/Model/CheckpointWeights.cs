using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Sources;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>The weights of a Hugging Face folder: text-only and multimodal names, plain weights (used in place from the mapped file) or
/// bitsandbytes-4bit ones, quantized tensor by tensor if NF4 is requested.</summary>
internal sealed class CheckpointWeights : WeightSource
{
    private readonly string _folder;
    private readonly Checkpoint _checkpoint;
    private readonly MemoryRegion _host = MemoryRegion.OnHost(MemoryOwner.Base);
    private readonly Dictionary<string, string> _names = [];
    private readonly NormRange _norms = new();

    private CheckpointWeights(string folder, GemmaConfig config, Checkpoint checkpoint, IBackend backend, ModelOptions options)
        : base(config, backend, options)
    {
        (_folder, _checkpoint) = (folder, checkpoint);
        foreach (var entry in checkpoint.Entries)
        {
            if (TensorNames.TryNormalize(entry.Name, out string? name)) _names.TryAdd(name, entry.Name);
        }
    }

    /// <summary>Loads a model.</summary>
    /// <exception cref="LapidaryException">A file is missing or damaged, or a tensor has another shape or type than config.json
    /// says.</exception>
    public static GemmaModel Load(ModelSource source, IBackend backend, ModelOptions options)
    {
        string folder = source.Folder;
        var read = GemmaConfig.Load(folder);
        var checkpoint = Checkpoint.Open(folder);
        try
        {
            GemmaTensors.RequireLayers(checkpoint, read);
            var config = BaseHead.ConfigOf(read, checkpoint);
            string[] notes = config == read ? [] : [BaseHead.Note];
            return new CheckpointWeights(folder, config, checkpoint, backend, options).CreateModel(source, notes);
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override Checkpoint Checkpoint => _checkpoint;

    /// <inheritdoc/>
    public override string Fingerprint(CancellationToken cancellationToken) => WeightsFingerprint.Of(_checkpoint, cancellationToken);

    /// <inheritdoc/>
    protected override string? Note => _norms.Note();

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _host.Dispose();
        _checkpoint.Dispose();
    }

    protected override StoredMatrix Stored(GemmaTensor tensor)
    {
        var host = Plain(tensor);
        return new StoredMatrix(host.DType, host.Shape.ToArray(), new Lazy<Tensor>(() => Backend.Import(host, Region)), host);
    }

    protected override Tensor Matrix(GemmaTensor tensor)
    {
        var weight = Plain(tensor);
        var loaded = Backend.Import(weight, Region);
        if (!ReferenceEquals(loaded, weight)) _checkpoint.Release(NameOf(tensor));
        return loaded;
    }

    protected override Tensor Nf4(GemmaTensor tensor, Nf4Options nf4)
    {
        var weight = Backend.QuantizeNf4(Plain(tensor), nf4, Region);
        _checkpoint.Release(NameOf(tensor));
        return weight;
    }

    protected override Tensor? StoredNf4(GemmaTensor tensor)
    {
        if (BitsAndBytesReader.TryRead(_checkpoint, NameOf(tensor)) is not { } quantized) return null;
        CheckShape(quantized, tensor);
        return Backend.Import(quantized, Region);
    }

    protected override Tensor Vector(GemmaTensor tensor)
    {
        var source = Plain(tensor);
        TensorStream.RequireFinite(source, backend: null, _folder);
        var values = new float[source.Count];
        FloatConversion.ToSingle(source.AsBytes(), source.DType, values);
        if (Backend.ActivationDType == DType.Float16) _norms.Add(tensor, values);
        var vector = base.Vector(tensor);
        Backend.Write<float>(values, vector);
        return vector;
    }

    /// <summary>A weight in host memory, in the type that it is held in.</summary>
    private Tensor Plain(GemmaTensor tensor)
    {
        var stored = _checkpoint.Get(NameOf(tensor));
        if (!stored.DType.IsFloatingPoint())
        {
            throw new LapidaryException(
                $"{_folder}: tensor {stored.Name} is {stored.DType}, expected BF16, F16 or F32; "
                + "is the checkpoint quantized in another format?");
        }

        CheckShape(stored, tensor);
        if (Held(stored.DType) == stored.DType) return stored;
        var rounded = _host.New(stored.Name, Held(stored.DType), stored.Shape);
        TensorStream.Convert(stored, rounded);
        return rounded;
    }

    private void CheckShape(Tensor found, GemmaTensor expected)
    {
        if (!found.Shape.SequenceEqual(expected.Shape.AsSpan()))
        {
            throw new LapidaryException(
                $"{_folder}: tensor {found.Name} has shape [{string.Join(", ", found.Shape.ToArray())}], expected "
                + $"[{string.Join(", ", expected.Shape)}] from config.json; the two do not belong together.");
        }
    }

    private string NameOf(GemmaTensor tensor) => _names.TryGetValue(tensor.Name, out string? name)
        ? name
        : throw new LapidaryException($"{_folder}: tensor {tensor.Name} is missing; download the model again.");
}
