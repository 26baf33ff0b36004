using Lapidary.Engine;

namespace Lapidary.Gemma.Model;

/// <summary>A model of any configuration with random weights, made in the backend's memory without a file: for benchmarks at real
/// size.</summary>
/// <remarks>Norm weights are 0, which is Gemma's 1. The others have mean near 0 and a standard deviation of 1 / √columns, so that a
/// projection keeps the size of what goes through it and the loss begins near ln(vocabulary). NF4 codes are uniform, their scales spread
/// about one value as those of a quantized weight do.</remarks>
internal sealed class RandomModel : IDisposable
{
    /// <summary>Standard deviation of NF4's values under uniform codes and a scale of 1.</summary>
    private static readonly double CodeDeviation = Math.Sqrt(Nf4Code.Values.ToArray().Average(value => (double)value * value));

    /// <summary>How far scales lie from their mean at most, as a share of it.</summary>
    private const float ScaleSpread = 0.3f;

    private readonly GemmaConfig _config;
    private readonly IBackend _backend;
    private readonly ModelOptions _options;
    private readonly MemoryRegion _region;
    private readonly RandomBlocks _random;

    private RandomModel(GemmaConfig config, IBackend backend, ModelOptions options, long seed)
    {
        (_config, _backend, _options) = (config, backend, options);
        _region = new MemoryRegion(backend.Memory, MemoryOwner.Base);
        _random = new RandomBlocks(backend, seed);
    }

    /// <summary>Makes the model.</summary>
    public static GemmaModel Create(GemmaConfig config, IBackend backend, ModelOptions options, long seed)
    {
        var random = new RandomModel(config, backend, options, seed);
        try
        {
            return new GemmaModel(config, backend, random.Weights());
        }
        catch
        {
            random.Dispose();
            throw;
        }
    }

    /// <summary>Frees what was made so far.</summary>
    public void Dispose() => _region.Dispose();

    private DType PlainDType => _options.DType ?? DType.BFloat16;

    private ModelWeights Weights()
    {
        var embedding = Matrix(TensorNames.Embedding, _config.VocabSize, _config.HiddenSize);
        var layers = new List<DecoderLayer>();
        for (int i = 0; i < _config.NumHiddenLayers; i++)
        {
            layers.Add(DecoderLayer.Create(_config, i, Linear, Vector));
            _options.OnProgress?.Invoke(i + 1, _config.NumHiddenLayers);
        }

        return new ModelWeights
        {
            Region = _region,
            EmbedTokens = new Lazy<Tensor>(embedding),
            LmHead = _config.TieWordEmbeddings ? null : Matrix(TensorNames.Head, _config.VocabSize, _config.HiddenSize),
            EmbeddingScale = ModelWeights.EmbeddingScaleOf(_config, PlainDType),
            Layers = layers,
            Norm = Vector("model.norm.weight", _config.HiddenSize),
            Owned = [_region],
        };
    }

    private LinearLayer Linear(string module, int rows, int columns) =>
        new(module, _options.Quantization == QuantizationKind.Nf4 ? Nf4(module + ".weight", rows, columns) : Matrix(module + ".weight", rows, columns));

    private Tensor Vector(string name, int length) => _region.New(name, DType.Float32, length);

    private Tensor Matrix(string name, int rows, int columns)
    {
        var matrix = _region.New(name, PlainDType, rows, columns);
        _random.WriteUniform(matrix, Math.Sqrt(3.0 / columns));
        return matrix;
    }

    private Tensor Nf4(string name, int rows, int columns)
    {
        var options = new Nf4Options { DoubleQuantization = _options.DoubleQuant };
        var weight = Nf4Quantizer.Allocate(new Tensor(PlainDType, rows, columns) { Name = name }, options, _region);
        _random.WriteBytes(new Tensor(weight.Address, DType.UInt8, weight.LengthBytes));
        var scales = Fill(weight.Scales!, (float)(1 / (CodeDeviation * Math.Sqrt(columns))));
        return new Tensor(weight.Address, DType.NF4, rows, columns) { Name = name, Scales = scales };
    }

    /// <summary>Scales within <see cref="ScaleSpread"/> of a mean.</summary>
    private Nf4Scales Fill(Nf4Scales scales, float mean)
    {
        if (scales is not { NestedAbsmax: { } nestedAbsmax, NestedCode: { } map })
        {
            _random.WriteUniform(scales.Absmax, ScaleSpread * mean, mean);
            return scales;
        }

        _random.WriteBytes(scales.Absmax);
        var values = new float[nestedAbsmax.Count];
        values.AsSpan().Fill(ScaleSpread * mean);
        _backend.Write<float>(values, nestedAbsmax);
        _backend.Write(DynamicMap.Values, map);
        return scales with { Offset = mean };
    }
}
