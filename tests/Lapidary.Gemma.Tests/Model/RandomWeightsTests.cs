using Lapidary.Engine;
using Lapidary.Gemma.Weights;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

public sealed class RandomWeightsTests : IDisposable
{
    private static readonly GemmaConfig Tiny = GemmaConfig.Load(Fixtures.Path("tiny/model"));

    private readonly CpuBackend _backend = new(1);

    public void Dispose() => _backend.Dispose();

    // Logits of standard deviation 1 lie half a nat above ln(vocabulary); 0.5 more for so small a model.
    [Theory]
    [InlineData(QuantizationKind.Nf4, true)]
    [InlineData(QuantizationKind.Nf4, false)]
    [InlineData(QuantizationKind.None, true)]
    public void Loss_BeginsNearTheLogarithmOfTheVocabulary(QuantizationKind quantization, bool doubleQuant)
    {
        double loss = Loss(seed: 1, new ModelOptions { Quantization = quantization, DoubleQuant = doubleQuant });

        Assert.InRange(loss - Math.Log(Tiny.VocabSize), 0, 1);
    }

    [Fact]
    public void Weights_AreAFunctionOfTheSeed()
    {
        var options = new ModelOptions { Quantization = QuantizationKind.Nf4 };

        Assert.Equal(Loss(1, options), Loss(1, options));
        Assert.NotEqual(Loss(1, options), Loss(2, options));
    }

    [Theory]
    [InlineData(QuantizationKind.Nf4, true)]
    [InlineData(QuantizationKind.Nf4, false)]
    [InlineData(QuantizationKind.None, true)]
    public void Projections_KeepTheSizeOfWhatGoesThroughThem(QuantizationKind quantization, bool doubleQuant)
    {
        using var model = GemmaModel.Random(
            Tiny, _backend, new ModelOptions { Quantization = quantization, DoubleQuant = doubleQuant }, seed: 1);
        using var region = new MemoryRegion(_backend.Memory, MemoryOwner.Workspace);

        Assert.All(model.LinearLayers, layer =>
        {
            var values = region.New("values", DType.Float32, layer.Weight.Shape);
            if (quantization == QuantizationKind.Nf4) Nf4Quantizer.Dequantize(layer.Weight, values);
            else TensorStream.Widen(layer.Weight, values, _backend);
            double expected = 1 / Math.Sqrt(layer.Weight.Shape[1]);
            double[] numbers = [.. values.AsSpan<float>().ToArray().Select(value => (double)value)];
            Assert.InRange(Math.Sqrt(numbers.Average(value => value * value)), expected * 0.9, expected * 1.1);
            Assert.InRange(numbers.Average(), -0.15 * expected, 0.15 * expected);
        });
    }

    [Fact]
    public void Memory_IsThatOfAQuantizedModel()
    {
        using var random = GemmaModel.Random(
            Tiny, _backend, new ModelOptions { Quantization = QuantizationKind.Nf4, DType = DType.Float32 }, seed: 1);
        using var loaded = ModelRun.Load("model", new ModelOptions { Quantization = QuantizationKind.Nf4 });

        Assert.All(random.LinearLayers.Zip(loaded.LinearLayers), pair =>
        {
            Assert.Equal(pair.Second.Name, pair.First.Name);
            Assert.Equal(pair.Second.Weight.Shape.ToArray(), pair.First.Weight.Shape.ToArray());
            Assert.Equal(pair.Second.Weight.Scales!.LengthBytes, pair.First.Weight.Scales!.LengthBytes);
        });
        Assert.Equal(loaded.EmbedTokens.Shape.ToArray(), random.EmbedTokens.Shape.ToArray());
        Assert.Equal(DType.Float32, random.EmbedTokens.DType);
    }

    private double Loss(long seed, ModelOptions options)
    {
        using var model = GemmaModel.Random(Tiny, _backend, options, seed);
        var ids = new StableRandom(7, stream: 0);
        using var run = new ModelRun(model, [[.. Enumerable.Range(0, 64).Select(_ => ids.Below(Tiny.VocabSize))]]);
        return run.Loss;
    }
}
