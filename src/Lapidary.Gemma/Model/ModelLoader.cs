using Lapidary.Engine;
using Lapidary.Formats;

namespace Lapidary.Gemma.Model;

/// <summary>Brings a Hugging Face folder into a <see cref="GemmaModel"/>: text-only and multimodal names, plain weights (used in place from
/// the mapped file) or bitsandbytes-4bit ones, quantized tensor by tensor where NF4 is asked for.</summary>
internal sealed class ModelLoader : IDisposable
{
    private readonly string _folder;
    private readonly GemmaConfig _config;
    private readonly IBackend _backend;
    private readonly ModelOptions _options;
    private readonly Checkpoint _checkpoint;
    private readonly MemoryRegion _region;
    private readonly MemoryRegion _host = MemoryRegion.OnHost(MemoryOwner.Base);
    private readonly Dictionary<string, string> _names = [];

    private ModelLoader(string folder, IBackend backend, ModelOptions options)
    {
        (_folder, _backend, _options) = (folder, backend, options);
        _config = GemmaConfig.Load(folder);
        _checkpoint = Checkpoint.Open(folder);
        _region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        foreach (var entry in _checkpoint.Entries)
        {
            if (TensorNames.TryNormalize(entry.Name, out string? name)) _names.TryAdd(name, entry.Name);
        }
    }

    /// <summary>Loads the model.</summary>
    /// <exception cref="LapidaryException">A file is missing or damaged, or a tensor has another shape or type than config.json
    /// says.</exception>
    public static GemmaModel Load(string folder, IBackend backend, ModelOptions options)
    {
        var loader = new ModelLoader(folder, backend, options);
        try
        {
            return new GemmaModel(loader._config, backend, loader.LoadWeights()) { Folder = folder };
        }
        catch
        {
            loader.Dispose();
            throw;
        }
    }

    /// <summary>Frees what was loaded so far.</summary>
    public void Dispose()
    {
        _region.Dispose();
        _host.Dispose();
        _checkpoint.Dispose();
    }

    private ModelWeights LoadWeights()
    {
        var layers = new List<DecoderLayer>();
        for (int i = 0; i < _config.NumHiddenLayers; i++)
        {
            layers.Add(DecoderLayer.Create(_config, i, Linear, Vector));
            _options.OnProgress?.Invoke(i + 1, _config.NumHiddenLayers);
        }

        var embedding = Floating(TensorNames.Embedding, _config.VocabSize, _config.HiddenSize);
        return new ModelWeights
        {
            Region = _region,
            EmbedTokens = new Lazy<Tensor>(() => _backend.Import(embedding, _region)),
            HostEmbedTokens = embedding,
            LmHead = _config.TieWordEmbeddings ? null : Matrix(TensorNames.Head, _config.VocabSize, _config.HiddenSize),
            EmbeddingScale = ModelWeights.EmbeddingScaleOf(_config, _options.DType ?? embedding.DType),
            Layers = layers,
            Norm = Vector("model.norm.weight", _config.HiddenSize),
            Owned = [_region, _host, _checkpoint],
        };
    }

    private LinearLayer Linear(string module, int rows, int columns)
    {
        string name = NameOf(module + ".weight");
        if (BitsandbytesReader.TryRead(_checkpoint, name) is { } quantized)
        {
            CheckShape(quantized, rows, columns);
            return new LinearLayer(module, _backend.Import(quantized, _region));
        }

        if (_options.Quantization != QuantizationKind.Nf4) return new LinearLayer(module, Matrix(module + ".weight", rows, columns));
        var weight = _backend.QuantizeNf4(
            Floating(module + ".weight", rows, columns), new Nf4Options { DoubleQuantization = _options.DoubleQuant }, _region);
        _checkpoint.Release(name);
        return new LinearLayer(module, weight);
    }

    private Tensor Matrix(string name, int rows, int columns)
    {
        var weight = Floating(name, rows, columns);
        var loaded = _backend.Import(weight, _region);
        if (!ReferenceEquals(loaded, weight)) _checkpoint.Release(NameOf(name));
        return loaded;
    }

    /// <summary>Norm weights are widened to fp32: they are small, and every kernel then reads one type.</summary>
    private Tensor Vector(string name, int length)
    {
        var source = Floating(name, length);
        var values = new float[length];
        FloatConversion.ToSingle(_checkpoint.FileOf(source.Name).Bytes(source.Name), source.DType, values);
        var tensor = _region.New(name, DType.Float32, length);
        _backend.Write<float>(values, tensor);
        return tensor;
    }

    private Tensor Floating(string canonicalName, params ReadOnlySpan<long> shape)
    {
        var tensor = _checkpoint.Get(NameOf(canonicalName));
        if (!tensor.DType.IsFloatingPoint())
        {
            throw new LapidaryException(
                $"{_folder}: tensor {tensor.Name} is {tensor.DType}, expected BF16, F16 or F32; is the checkpoint quantized in another format?");
        }

        CheckShape(tensor, shape);
        return Narrowed(tensor);
    }

    /// <summary>Under bfloat16 a weight stored in fp32 is rounded on loading, as transformers does.</summary>
    private Tensor Narrowed(Tensor tensor)
    {
        if (_options.DType != DType.BFloat16 || tensor.DType != DType.Float32) return tensor;
        var narrow = _host.New(tensor.Name, DType.BFloat16, tensor.Shape);
        TensorStream.Convert(tensor, narrow);
        return narrow;
    }

    private void CheckShape(Tensor tensor, params ReadOnlySpan<long> expected)
    {
        if (!tensor.Shape.SequenceEqual(expected))
        {
            throw new LapidaryException(
                $"{_folder}: tensor {tensor.Name} has shape [{string.Join(", ", tensor.Shape.ToArray())}], expected "
                + $"[{string.Join(", ", expected.ToArray())}] from config.json; the two do not belong together.");
        }
    }

    private string NameOf(string canonicalName) => _names.TryGetValue(canonicalName, out string? name)
        ? name
        : throw new LapidaryException($"{_folder}: tensor {canonicalName} is missing; download the model again.");
}
