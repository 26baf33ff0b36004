using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests.Model;

/// <summary>Several adapters over one base in memory.</summary>
public class ShareWeightsTests
{
    [Theory]
    [InlineData(QuantizationKind.None)]
    [InlineData(QuantizationKind.Nf4)]
    public void EachModel_AnswersAsIfItWereAlone_AndNoWeightIsCopied(QuantizationKind quantization)
    {
        var token = TestContext.Current.CancellationToken;
        var options = new ModelOptions { Quantization = quantization };
        int[] prompt = [2, 17, 40, 99, 5, 60];
        var generation = new GenerationOptions { MaxNewTokens = 12, DoSample = true, Temperature = 8, Seed = 4 };
        using var backend = new CpuBackend(2);
        using var model = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, options);
        int[] ofBase = Text(model);
        long before = backend.Memory.LiveBytesOf(MemoryOwner.Base);
        var expected = new int[2][];
        for (int i = 0; i < 2; i++)
        {
            using var own = GemmaModel.Load(Fixtures.Path("tiny/model"), backend, options);
            using var adapter = NewAdapter(own, seed: i + 1);
            own.Attach(adapter);
            expected[i] = Text(own);
        }

        using (var first = model.ShareWeights())
        using (var second = model.ShareWeights())
        using (var one = NewAdapter(first, seed: 1))
        using (var two = NewAdapter(second, seed: 2))
        {
            first.Attach(one);
            second.Attach(two);
            Assert.True(backend.Memory.LiveBytesOf(MemoryOwner.Base) - before < 16 << 10);
            Assert.Equal(expected[0], Text(first));
            Assert.Equal(expected[1], Text(second));
            Assert.Equal(ofBase, Text(model));
            Assert.NotEqual(ofBase, expected[0]);
            Assert.NotEqual(expected[0], expected[1]);
        }

        Assert.Equal(before, backend.Memory.LiveBytesOf(MemoryOwner.Base));
        Assert.Equal(ofBase, Text(model));

        int[] Text(GemmaModel of)
        {
            using var generator = new TextGenerator(of);
            return [.. generator.Generate(prompt, generation, token)];
        }
    }

    private static Adapter NewAdapter(GemmaModel model, long seed)
    {
        var adapter = Adapter.Create(model, new LoraConfig { R = 4 }, seed);
        var random = new StableRandom(seed, stream: 1);
        foreach (var parameter in adapter.Parameters.Where(parameter => parameter.Name.Contains("lora_B", StringComparison.Ordinal)))
        {
            var values = new float[parameter.Value.Count];
            for (int i = 0; i < values.Length; i++) values[i] = (float)(random.NextDouble() - 0.5);
            model.Backend.Write<float>(values, parameter.Value);
        }

        return adapter;
    }
}
