using Lapidary.Engine;
using Lapidary.Tests;

namespace Lapidary.Gemma.Tests;

/// <summary>LoRA against PEFT 0.21: logits, loss and every gradient.</summary>
public class AdapterTests
{
    private const double Fp32 = 2e-5;

    [Theory]
    [InlineData("lora_grad", QuantizationKind.None, false)]
    [InlineData("lora_grad", QuantizationKind.None, true)]
    [InlineData("qlora", QuantizationKind.Nf4, false)]
    [InlineData("qlora", QuantizationKind.Nf4, true)]
    public void Gradients_MatchPeft(string name, QuantizationKind quantization, bool checkpointing)
    {
        using var golden = new Golden(name);
        using var model = ModelRun.Load("model", new ModelOptions { Quantization = quantization, DType = DType.Float32 });
        using var adapter = Adapter.Load(model, Fixtures.Path("tiny/adapter"), trainable: true);
        model.Attach(adapter);

        using var run = new ModelRun(model, ModelRun.Split(golden.Ids("input_ids"), 2), training: true, checkpointing);

        Close.Assert(golden.Floats("logits"), run.SampledLogits(), Fp32, "logits");
        Close.Assert(golden.Floats("loss"), [(float)run.Loss], Fp32, "loss");
        Assert.Equal(7 * 7 * 2, adapter.Parameters.Count);
        foreach (var parameter in adapter.Parameters)
        {
            Close.Assert(golden.Floats("grad.base_model.model." + parameter.Name), parameter.Gradient!.AsSpan<float>(), Fp32, parameter.Name);
        }
    }

    [Fact]
    public void Save_WritesWhatPeftWrote()
    {
        using var model = ModelRun.Load("model");
        using var adapter = Adapter.Load(model, Fixtures.Path("tiny/adapter_tied_after_12_steps"));
        string folder = Fixtures.TemporaryFolder();
        adapter.Save(folder, model);

        using var expected = SafetensorsFile.Open(Fixtures.Path("tiny/adapter_tied_after_12_steps/adapter_model.safetensors"));
        using var written = SafetensorsFile.Open(Path.Combine(folder, "adapter_model.safetensors"));
        Assert.Equal(expected.Entries.Select(entry => entry.Name).Order(), written.Entries.Select(entry => entry.Name).Order());
        foreach (var entry in expected.Entries)
        {
            Assert.Equal(entry.Shape, written.Entry(entry.Name).Shape);
            Assert.True(expected.Bytes(entry.Name).SequenceEqual(written.Bytes(entry.Name)), entry.Name);
        }
    }

    [Fact]
    public void Create_TrainsOneTiedMatrix_OrTwoWhenAskedTo()
    {
        using var model = ModelRun.Load("model");
        var config = LoraConfig.Guide;

        using var tied = Adapter.Create(model, config, seed: 1);
        using var untied = Adapter.Create(model, config with { EnsureWeightTying = false }, seed: 1);

        Assert.True(tied.IsTied);
        Assert.Same(tied.Embedding, tied.Head);
        Assert.False(untied.IsTied);
        Assert.Equal(tied.ParameterCount + model.LmHead.Count, untied.ParameterCount);
    }

    [Fact]
    public void Create_StartsAsTheBase()
    {
        using var golden = new Golden("forward");
        int[][] documents = ModelRun.Split(golden.Ids("short.input_ids"), 2);
        using var model = ModelRun.Load("model");
        using var before = new ModelRun(model, documents);
        using var adapter = Adapter.Create(model, LoraConfig.Guide, seed: 1);
        model.Attach(adapter);
        using var after = new ModelRun(model, documents);

        Assert.Equal(before.Loss, after.Loss, 1e-6);
    }
}
