using Lapidary.Engine;
using Lapidary.Gemma.Weights;

namespace Lapidary.Gemma.Model;

/// <summary>Random weights for any configuration, created in the backend's memory without a file, for benchmarks at real size.</summary>
/// <remarks>Norm weights are 0, which is Gemma's 1. The others have mean near 0 and a standard deviation of 1 / √columns, so that a
/// projection preserves the magnitude of its input and the loss starts near ln(vocabulary). NF4 codes are uniform; their scales vary around
/// one value, as in a quantized weight.</remarks>
internal sealed class RandomWeights(GemmaConfig config, IBackend backend, ModelOptions options, long seed)
    : WeightSource(config, backend, options)
{
    /// <summary>Standard deviation of NF4's values under uniform codes and a scale of 1.</summary>
    private static readonly double CodeDeviation = Math.Sqrt(Nf4Code.Values.ToArray().Average(value => (double)value * value));

    /// <summary>Largest distance of scales from their mean, as a share of it.</summary>
    private const float ScaleSpread = 0.3f;

    private readonly bool _isMadeOnUse = options.LoadOnUse;
    private readonly DType _dtype = options.DType ?? DType.BFloat16;
    private readonly RandomBlocks _random = new(backend, seed);

    /// <summary>Fills a matrix [out, in].</summary>
    public static void Write(Tensor matrix, RandomBlocks random) => random.WriteUniform(matrix, Math.Sqrt(3.0 / matrix.Shape[1]));

    protected override StoredMatrix Stored(GemmaTensor tensor) => _isMadeOnUse
        ? new StoredMatrix(_dtype, [.. tensor.Shape], new Lazy<Tensor>(() => Matrix(tensor)), OnHost: null)
        : StoredMatrix.Of(Matrix(tensor));

    protected override Tensor Matrix(GemmaTensor tensor)
    {
        var matrix = Region.New(tensor.Name, _dtype, tensor.Shape.AsSpan());
        Write(matrix, _random);
        return matrix;
    }

    protected override Tensor Nf4(GemmaTensor tensor, Nf4Options nf4)
    {
        var shape = tensor.Shape.AsSpan();
        var weight = Nf4Quantizer.Allocate(new Tensor(_dtype, shape) { Name = tensor.Name }, nf4, Region);
        _random.WriteBytes(new Tensor(weight.Address, DType.UInt8, weight.LengthBytes));
        var scales = Fill(weight.Scales!, (float)(1 / (CodeDeviation * Math.Sqrt(shape[1]))));
        return new Tensor(weight.Address, DType.NF4, shape) { Name = tensor.Name, Scales = scales };
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
        Backend.Write<float>(values, nestedAbsmax);
        Backend.Write(DynamicMap.Values, map);
        return scales with { Offset = mean };
    }
}
