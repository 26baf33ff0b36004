using Lapidary.Engine;
using Lapidary.Formats;
using Lapidary.Gemma.Model;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>Weights and sums that are no finite numbers: named, never computed with.</summary>
public class DivergenceTests
{
    private const string Query = "model.layers.1.self_attn.q_proj.weight";

    [Theory]
    [InlineData(Query, float.NaN, false)]
    [InlineData(Query, float.PositiveInfinity, true)]
    [InlineData("model.embed_tokens.weight", float.NegativeInfinity, false)]
    public void Generate_EndsWithTheTensorsName_AndChoosesNoId(string tensor, float value, bool samples)
    {
        using var backend = new CpuBackend(threads: 1);
        using var model = GemmaModel.Load(With(tensor, value), backend);
        using var generator = new TextGenerator(model);
        var options = new GenerationOptions { MaxNewTokens = 5, DoSample = samples };

        var error = Assert.Throws<LapidaryException>(
            () => generator.Generate([2, 3, 4], options, TestContext.Current.CancellationToken).ToArray());

        Assert.Contains("The logits after 3 tokens are not finite", error.Message, StringComparison.Ordinal);
        Assert.Contains($"tensor {tensor} of the base holds", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Query, QuantizationKind.Nf4)]
    [InlineData("model.layers.0.input_layernorm.weight", QuantizationKind.None)]
    [InlineData("model.norm.weight", QuantizationKind.Nf4)]
    public void Load_NamesTheTensor_WhereItReadsItAnyway(string tensor, QuantizationKind quantization)
    {
        using var backend = new CpuBackend(threads: 1);
        var options = new ModelOptions { Quantization = quantization };
        var error = Assert.Throws<LapidaryException>(() => GemmaModel.Load(With(tensor, float.NaN), backend, options));
        Assert.Contains(tensor, error.Message, StringComparison.Ordinal);
        Assert.Contains("finite", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, backend.Memory.LiveBytes);
    }

    [Fact]
    public void Explain_NamesTheAdaptersTensorFirst_AndConfigJsonWhereAllWeightsAreFinite()
    {
        using var model = ModelRun.Load("model");
        Assert.Contains("rms_norm_eps", Divergence.Explain(model), StringComparison.Ordinal);
        using var adapter = Adapter.Create(model, new LoraConfig(), seed: 1);
        model.Attach(adapter);
        adapter.Parameters[3].Value.AsSpan<float>()[5] = float.NaN;
        Assert.Contains(
            $"the adapter's tensor {adapter.Parameters[3].Name} holds NaN at element 5", Divergence.Explain(model),
            StringComparison.Ordinal);
    }

    /// <summary>Each search reads all weights, and all texts of a step may ask for it, also from several threads.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Generate_OfManyTexts_SearchesTheWeightsOnce(bool samples)
    {
        using var backend = new CpuBackend(threads: 2);
        using var model = GemmaModel.Load(With(Query, float.NaN), backend);
        using var adapter = Adapter.Create(model, new LoraConfig(), seed: 1);
        model.Attach(adapter);
        using var other = model.ShareWeights(); // without an adapter
        var options = new GenerationOptions { MaxNewTokens = 5, DoSample = samples };
        foreach (var one in new[] { model, other })
        {
            using var engine = new GenerationEngine(one, maxTexts: 8);
            var texts = Enumerable.Range(0, 20).Select(
                i => engine.GenerateAsync([2, 3, 4 + i], options, cancellationToken: TestContext.Current.CancellationToken)).ToArray();
            foreach (var text in texts)
            {
                var error = await Assert.ThrowsAsync<LapidaryException>(() => text);
                Assert.Contains($"tensor {Query} of the base holds NaN at element 0", error.Message, StringComparison.Ordinal);
            }
        }

        Assert.Equal((1, 1), (adapter.Fault.Searches, model.BaseFault.Searches));
    }

    [Fact]
    public void Restore_OfOtherValues_SearchesThemAgain()
    {
        using var model = ModelRun.Load("model");
        using var adapter = Adapter.Create(model, new LoraConfig(), seed: 1);
        string folder = Fixtures.TemporaryFolder();
        adapter.Save(folder, model);
        model.Attach(adapter);
        adapter.Parameters[3].Value.AsSpan<float>()[5] = float.NaN;
        Assert.Contains(adapter.Parameters[3].Name, Divergence.Explain(model), StringComparison.Ordinal);
        adapter.Restore(folder, model);
        Assert.Contains("all weights are finite", Divergence.Explain(model), StringComparison.Ordinal);
        Assert.Equal((2, 1), (adapter.Fault.Searches, model.BaseFault.Searches));
    }

    /// <summary>A model scores and generates without the rows of tokens that do not come; training goes on from all of them.</summary>
    [Theory]
    [InlineData("model.embed_tokens.weight")]
    [InlineData("lm_head.weight")]
    public void Create_OfModulesToSave_RefusesABaseThatIsNotFinite(string tensor)
    {
        string folder = Variant.Of(
            Fixtures.Path("tiny/model"),
            tensors =>
            {
                tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"];
                tensors[tensor] = tensors[tensor].With(element: 96005, float.NaN);
            },
            json => json["tie_word_embeddings"] = false);
        using var backend = new CpuBackend(threads: 1);
        using var model = GemmaModel.Load(folder, backend);
        var error = Assert.Throws<LapidaryException>(() => Adapter.Create(model, LoraConfig.Guide, seed: 1));
        Assert.Contains($"{folder}: tensor {tensor} holds NaN at element 96005", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Save_OfAValueThatIsNotFinite_WritesNoFile()
    {
        using var model = ModelRun.Load("model");
        using var adapter = Adapter.Create(model, new LoraConfig(), seed: 1);
        adapter.Parameters[2].Value.AsSpan<float>()[7] = float.PositiveInfinity;
        string folder = Fixtures.TemporaryFolder();

        var error = Assert.Throws<LapidaryException>(() => adapter.Save(folder, model));

        Assert.Contains($"{adapter.Parameters[2].Name} holds", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder));
    }

    [Fact]
    public void Load_OfMoreLayersThanConfigJsonSays_NamesBothNumbers()
    {
        string folder = Variant.Of(Fixtures.Path("tiny/model"), json: config => config["num_hidden_layers"] = 5);
        using var backend = new CpuBackend(threads: 1);
        const string Message = "num_hidden_layers of config.json is 5, but the weights hold 7 layers";
        var load = Assert.Throws<LapidaryException>(() => GemmaModel.Load(folder, backend));
        Assert.Contains(Message, load.Message, StringComparison.Ordinal);
        string output = Fixtures.TemporaryFolder();
        var quantize = Assert.Throws<LapidaryException>(() => Quantizer.Quantize(folder, output, new QuantizeOptions(), backend));
        Assert.Contains(Message, quantize.Message, StringComparison.Ordinal);
    }

    private static string With(string tensor, float value) =>
        Variant.Of(Fixtures.Path("tiny/model"), tensors => tensors[tensor] = tensors[tensor].With(element: 0, value));
}
